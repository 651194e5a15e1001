"""A real coturn of the tests' own, on free ports, with the time-limited credentials that deployments use."""

import socket
import subprocess
import tempfile

from .programs import program
from .server import free_port
from .wait import until

SECRET = "the relay's own secret"


class Coturn:
    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"turn:127.0.0.1:{self.port}?transport=udp"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Coturn":
        self._folder = tempfile.TemporaryDirectory(prefix="earshot-coturn-")
        options = {
            "listening-ip": "127.0.0.1",
            "relay-ip": "127.0.0.1",
            "listening-port": self.port,
            "static-auth-secret": SECRET,
            "realm": "earshot.test",
            "pidfile": f"{self._folder.name}/pid",
            "userdb": f"{self._folder.name}/db",
            "log-file": "stdout",
        }
        flags = ("use-auth-secret", "allow-loopback-peers", "fingerprint", "no-tls", "no-dtls", "no-cli")
        command = program("turnserver")
        arguments = [*(f"--{name}={value}" for name, value in options.items()), *(f"--{flag}" for flag in flags)]
        self._process = subprocess.Popen([command, "-n", *arguments], stdout=subprocess.DEVNULL)
        until(self._listens, "coturn")
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._folder.cleanup()

    def _listens(self) -> bool:
        with socket.socket() as probe:  # it listens on TCP as well, at the same port
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
