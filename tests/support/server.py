"""A real server in a process of its own, on the test database."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processor: its user and system time (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """`manage.py serve` on a free port. `kill` it without a word, and `start` it again on the same port.

    `environment` goes before what is set here for haste; what is None there is left to the product.
    """

    def __init__(self, host: str = "127.0.0.1", **environment: object) -> None:
        self.host, self.port = host, free_port()
        self.origin = f"http://{'localhost' if host == '127.0.0.1' else host}:{self.port}"
        self.socket_url = f"ws://{host}:{self.port}/ws/"
        self._log = tempfile.NamedTemporaryFile(prefix="earshot-server-", suffix=".log", delete=False)  # noqa: SIM115
        self._data = _data_folder()
        settings_ = {
            **{name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"},
            "EARSHOT_DATA": self._data.name,
            "SECRET_KEY": settings.SECRET_KEY,
            "DATABASE_URL": database_url(connection.settings_dict),
            "EARSHOT_ORIGINS": f"{self.origin} http://{host}:{self.port}",
            "EARSHOT_START_GRACE_SECONDS": "6",
            "EARSHOT_STEWARD_TICK_SECONDS": "0.5",
            "EARSHOT_CHORES_SECONDS": "86400",  # it shares the database with tests of just these
            **environment,
        }
        self.environment = {name: str(value) for name, value in settings_.items() if value is not None}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, within: float = START_SECONDS) -> "Server":
        # Those of the tests share a database, which without Redis is refused.
        how = ["manage.py"] if "REDIS_URL" in self.environment else ["-m", "tests.support.beside"]
        command = [sys.executable, *how, "serve", "--host", self.host, "--port", str(self.port)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        deadline = monotonic() + within
        while not self._answers():
            if self._process.poll() is not None or monotonic() > deadline:
                self.kill()
                raise AssertionError(f"The server did not start:\n{self.log()}")
            sleep(0.05)
        return self

    def kill(self) -> None:
        """SIGKILL: nothing is said to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """SIGSTOP: it does nothing until afterwards."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def terminate(self) -> int:
        """SIGTERM: it must be gone within 10 s. Returns its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(10)
        self._process = None
        return code

    def memory(self) -> int:
        """What it holds in memory now, in bytes (VmRSS)."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])

    def cpu_seconds(self) -> float:
        """What it has used of the processor, since it was started."""
        assert self._process is not None
        return cpu_seconds(self._process.pid)

    def open_files_limit(self) -> int:
        """How many files and sockets it may have open."""
        assert self._process is not None
        limits = Path(f"/proc/{self._process.pid}/limits").read_text()
        return int(limits.partition("Max open files")[2].split()[0])

    def log(self) -> str:
        return Path(self._log.name).read_text(errors="replace")

    def _answers(self) -> bool:
        request = urllib.request.Request(f"http://{self.host}:{self.port}/healthz")
        try:
            with urllib.request.urlopen(request, timeout=1) as response:
                return bool(response.status == 200)
        except OSError:
            return False


def _data_folder() -> tempfile.TemporaryDirectory[str]:
    """One of its own, for two that share one refuse to run without Redis; the static files are collected once."""
    folder = tempfile.TemporaryDirectory(prefix="earshot-data-")
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    for shared in (settings.STATIC_ROOT, settings.STATIC_ROOT.with_name("static.stamp")):
        (Path(folder.name) / shared.name).symlink_to(shared)
    return folder


def database_url(database: Mapping[str, object]) -> str:
    if str(database["ENGINE"]).endswith("sqlite3"):
        return f"sqlite:///{database['NAME']}"
    return "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
