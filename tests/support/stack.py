"""A whole installation on the loopback, of the very files of `deploy/`: proxy, server processes, PostgreSQL, Redis and
relay. Only ports, addresses and folders are the tests' own."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .caddy import Caddy
from .postgres import postgres
from .relay import Relay
from .server import ROOT, START_SECONDS, free_port
from .wait import until

DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "systemd" / "earshot@.service").read_text()
PROCESSES = 2


class Stack:
    """Use it in a `with`. `environment` is what the units' EnvironmentFile would have."""

    def __enter__(self) -> "Stack":
        self._parts = ExitStack()
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._parts.close()

    def _start(self) -> None:
        self.folder = Path(self._parts.enter_context(tempfile.TemporaryDirectory(prefix="earshot-stack-")))
        self.data = self.folder / "data"
        self.environment = self._settings()
        database = self._parts.enter_context(postgres())
        redis = free_port()
        command = [shutil.which("redis-server") or "/usr/bin/redis-server", str(DEPLOY / "redis.conf")]
        self._run([*command, "--port", str(redis)])
        relay = Relay(allowed="127.0.0.1", secret=self.environment["TURN_SECRET"]).start()
        self._parts.callback(relay.stop)

        ports = [free_port() for _ in range(PROCESSES)]
        self.proxy = Caddy("to " + " ".join(f"127.0.0.1:{port}" for port in ports), self.data)
        self.environment |= {
            "EARSHOT_DATA": str(self.data),
            "EARSHOT_ORIGINS": self.proxy.origin,
            "DATABASE_URL": database,
            "REDIS_URL": f"redis://127.0.0.1:{redis}/0",
            "STUN_URLS": "",
            "TURN_URLS": relay.url,
        }
        self.processes = [Process(port, self.environment, self.folder) for port in ports]
        for process in self.processes:  # all at once, on a database without a table
            process.start()
            self._parts.callback(process.kill)
        for process in self.processes:
            process.until_ready()
        self._parts.callback(self.proxy.stop)
        self.proxy.start()

    def _settings(self) -> dict[str, str]:
        file = self.folder / "earshot.env"
        example = DEPLOY / "systemd" / "earshot.env.example"
        made = [str(DEPLOY / "make-env"), str(example), str(file), "localhost", "ops@localhost"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        return {name: value.strip('"') for name, value in re.findall(r"^([A-Z_]+)=(.*)$", file.read_text(), re.M)}

    def _run(self, command: list[str]) -> None:
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL)
        self._parts.callback(process.wait)
        self._parts.callback(process.kill)

    def ask(self, script: str) -> Any:
        """What a script, run as the servers are, prints as JSON."""
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", script]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | self.environment, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout.splitlines()[-1])


class Process:
    """A server process, started by its unit's command line, on the port that is its instance's name."""

    def __init__(self, port: int, environment: dict[str, str], folder: Path) -> None:
        self.port, self._environment, self._log = port, environment, folder / f"{port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (line,) = re.findall(r"^ExecStart=(.+)$", UNIT, re.M)
        _, *arguments = line.replace("%i", str(self.port)).split()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=os.environ | self._environment, stdout=log, stderr=log
            )

    def until_ready(self) -> None:
        until(lambda: self._get("/readyz") or self._ended(), "the server", START_SECONDS)
        assert not self._ended(), self._log.read_text()

    def restart(self) -> None:
        """As `systemctl restart` does, and until it serves again."""
        assert self._process is not None
        (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.M)
        self._process.terminate()
        assert self._process.wait(int(seconds)) == 0
        self.start()
        self.until_ready()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def sockets(self) -> int:
        """How many devices are on line at this process, by its own word."""
        return int(
            sum(float(value) for value in re.findall(r"^earshot_sockets{.*} (.+)$", self._get("/metrics"), re.M))
        )

    def _get(self, path: str) -> str:
        """What it answers; "" for any but 200."""
        token = self._environment["EARSHOT_METRICS_TOKEN"]
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return str(response.read().decode())
        except OSError:
            return ""

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None
