"""coturn as `deploy/relay` starts it, with `deploy/turnserver.conf`: only its port and addresses are ours here."""

import os
import subprocess
import tempfile
from pathlib import Path

from .server import ROOT, free_port
from .wait import until

SECRET = "the relay's own secret"
LISTENING = "0A"  # as the kernel writes it


class Relay:
    """`allowed` are the peers that are not denied although private; `address` is where it listens, and relays from if
    `relay` names no other. In a network `namespace` it listens at every address, as deployed."""

    def __init__(
        self,
        address: str = "127.0.0.1",
        allowed: str = "",
        external: str = "",
        secret: str = SECRET,
        relay: str | None = None,
        namespace: str = "",
    ) -> None:
        self.address, self._allowed, self._namespace = address, allowed, namespace
        self._environment = {
            "DOMAIN": "earshot.test",
            "TURN_SECRET": secret,
            "TURN_RELAY_IP": address if relay is None else relay,
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
        where = ["ip", "netns", "exec", self._namespace] if self._namespace else []
        arguments = [f"--listening-port={self.port}"]
        arguments += [] if self._namespace else [f"--listening-ip={self.address}"]
        arguments += ["--allow-loopback-peers"] if self._allowed else []
        self._process = subprocess.Popen(
            [*where, ROOT / "deploy" / "relay", *arguments],
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
        """On TCP, which it opens after UDP, in the network that its process is in."""
        assert self._process is not None
        net = Path(f"/proc/{self._process.pid}/net") / ("tcp6" if ":" in self.address else "tcp")
        rows = [row.split() for row in net.read_text().splitlines()[1:]]
        return any(int(row[1].rpartition(":")[2], 16) == self.port and row[3] == LISTENING for row in rows)
