"""coturn as `deploy/relay` starts it, with `deploy/turnserver.conf`: only its ports and addresses are ours here."""

import os
import socket
import subprocess
import tempfile
from pathlib import Path

from .server import ROOT, free_port
from .wait import until

SECRET = "the relay's own secret"


class Relay:
    """`allowed` are the peers that are not denied although private; `address` is where it listens and relays."""

    def __init__(self, address: str = "127.0.0.1", allowed: str = "", external: str = "", secret: str = SECRET) -> None:
        self.address, self._allowed = address, allowed
        self._environment = {
            "DOMAIN": "earshot.test",
            "TURN_SECRET": secret,
            "TURN_EXTERNAL_IP": external,
            "TURN_ALLOWED_PEERS": allowed,
        }
        self.port = free_port()
        host = f"[{address}]" if ":" in address else address
        self.url = f"turn:{host}:{self.port}?transport=udp"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Relay":
        self._folder = tempfile.TemporaryDirectory(prefix="earshot-relay-")
        self._log = (Path(self._folder.name) / "log").open("wb")
        arguments = [f"--listening-ip={self.address}", f"--relay-ip={self.address}", f"--listening-port={self.port}"]
        arguments += ["--allocation-default-address-family=keep"]  # an IPv6 client gets an IPv6 address
        arguments += ["--allow-loopback-peers"] if self._allowed else []
        self._process = subprocess.Popen(
            [ROOT / "deploy" / "relay", *arguments],
            env=os.environ | self._environment | {"RUNTIME_DIRECTORY": self._folder.name},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        until(self._listens, "the relay")
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._log.close()
            self._folder.cleanup()

    def command_line(self) -> str:
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/cmdline").read_text().replace("\0", " ")

    def log(self) -> str:
        return (Path(self._folder.name) / "log").read_text(errors="replace")

    def _listens(self) -> bool:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family) as probe:  # it listens on TCP as well, at the same port
            return probe.connect_ex((self.address, self.port)) == 0
