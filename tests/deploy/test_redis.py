"""Redis with deploy/redis.conf, and with what compose.yaml adds to it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.deploy.files import DEPLOY, compose
from tests.support.programs import program
from tests.support.server import free_port
from tests.support.wait import until

StartRedis = Callable[..., "redis.Redis[str]"]
LISTENING, LOOPBACK = "0A", {"0100007F", "00000000000000000000000001000000"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartRedis]:
    """`start(*more)`: Redis as Debian's unit starts it, with more arguments."""
    processes = []

    def make(*more: str) -> "redis.Redis[str]":
        port = free_port()
        command = [program("redis-server"), str(DEPLOY / "redis.conf")]
        process = subprocess.Popen([*command, *more, "--port", str(port), "--daemonize", "no"], cwd=tmp_path)
        processes.append(process)
        client = redis.Redis(port=port, decode_responses=True, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        until(lambda: process.poll() is not None or _answers(client), "Redis")
        assert process.poll() is None
        return client

    yield make
    for process in processes:
        process.kill()
        process.wait()


def _answers(client: "redis.Redis[str]") -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def listening_addresses(port: int) -> set[str]:
    """The local addresses that somebody listens on at this port, as the kernel writes them."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    local = [row[1].split(":") for row in rows if row[3] == LISTENING]
    return {address for address, at in local if int(at, 16) == port}


def test_it_answers_on_this_machine_alone(start: StartRedis) -> None:
    client = start()
    addresses = listening_addresses(client.connection_pool.connection_kwargs["port"])
    assert addresses and addresses <= LOOPBACK


def test_it_keeps_nothing_on_disk_and_has_a_limit(start: StartRedis, tmp_path: Path) -> None:
    client = start()
    client.set("something", "1")
    kept = {name: client.config_get(name)[name] for name in ("save", "appendonly", "maxmemory", "maxmemory-policy")}
    client.shutdown()
    until(lambda: not _answers(client), "its end")
    assert kept == {"save": "", "appendonly": "no", "maxmemory": str(256 << 20), "maxmemory-policy": "allkeys-lru"}
    assert list(tmp_path.iterdir()) == []


def test_it_understands_what_compose_adds(start: StartRedis) -> None:
    server, file, *more = compose()["services"]["redis"]["command"]
    assert (server, Path(file).name) == ("redis-server", "redis.conf")
    client = start(*(argument.replace("0.0.0.0", "127.0.0.1") for argument in more))
    assert client.config_get("protected-mode") == {"protected-mode": "no"}
