"""Caddy with `deploy/Caddyfile`: only its ports, its folder and the processes behind it are the tests' own."""

import os
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from pathlib import Path

from .programs import program
from .server import ROOT, free_port
from .wait import until


class Caddy:
    """`upstreams` as in the Caddyfile; `data` is the folder that has static/."""

    def __init__(self, upstreams: str, data: Path) -> None:
        self.port, self.plain_port = free_port(), free_port()
        self.origin = f"https://localhost:{self.port}"
        self.socket_url = f"wss://localhost:{self.port}/ws/"
        self._folder = tempfile.TemporaryDirectory(prefix="earshot-caddy-")
        self.environment = {
            "SITE": self.origin,
            "TLS": "internal",
            "UPSTREAMS": upstreams,
            "DATA": str(data),
            "HTTP_PORT": str(self.plain_port),
            "XDG_DATA_HOME": self._folder.name,
            "XDG_CONFIG_HOME": self._folder.name,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def root(self) -> Path:
        """The certificate of its authority."""
        return Path(self._folder.name) / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.root))

    def start(self) -> "Caddy":
        log = (Path(self._folder.name) / "log").open("wb")
        command = [program("caddy"), "run", "--config", str(ROOT / "deploy" / "Caddyfile")]
        environment = os.environ | self.environment
        self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        until(self._answers, "the proxy")
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None
            self._folder.cleanup()

    def log(self) -> str:
        return (Path(self._folder.name) / "log").read_text()

    def get(self, path: str, headers: Mapping[str, str] = {}) -> tuple[int, Message, bytes]:
        """(status, headers, body)."""
        request = urllib.request.Request(self.origin + path, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.trust) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, refused.read()

    def _answers(self) -> bool:
        try:
            return self.get("/metrics")[0] > 0  # of its own accord, whoever is behind it
        except OSError:
            return False
