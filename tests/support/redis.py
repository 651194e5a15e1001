"""A real Redis of the tests' own, on a free port, that a test may stop and start."""

import subprocess

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .programs import program
from .server import free_port
from .wait import until


class Redis:
    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Redis":
        command = program("redis-server")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([command, *options], stdout=subprocess.DEVNULL)
        until(self._answers, "Redis")
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def subscribers(self) -> list[dict[str, str]]:
        """The connections on which processes wait for news."""
        with redis.Redis(port=self.port, decode_responses=True) as client:
            return client.client_list(_type="pubsub")  # type: ignore[no-any-return]

    def calls_of(self, command: str) -> int:
        """How often this command was begun, in lower case."""
        with redis.Redis(port=self.port) as client:
            return int(client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
