"""What each server process tells of itself in Redis, for the doctor: its host, and how far its clock is off Redis's."""

import socket
from dataclasses import dataclass
from time import time
from typing import Any

import redis

# A process that is gone is forgotten after this.
KEPT_SECONDS = 60
PREFIX = "earshot:process:"


@dataclass(frozen=True, slots=True)
class Process:
    """`offset` in seconds: positive if its clock is ahead."""

    host: str
    offset: float


def note_process(client: "redis.Redis", process: str) -> None:
    """Raises `redis.RedisError`."""
    before = time()
    seconds, micros = client.time()  # type: ignore[misc]
    offset = (before + time()) / 2 - (seconds + micros / 1e6)
    with client.pipeline() as pipe:
        pipe.hset(PREFIX + process, mapping={"host": socket.gethostname(), "offset": f"{offset:.3f}"})
        pipe.expire(PREFIX + process, KEPT_SECONDS)
        pipe.execute()


def known_processes(client: "redis.Redis") -> list[Process]:
    """Those that run, or ran KEPT_SECONDS ago, by host. Raises `redis.RedisError`."""
    found: list[Process] = []
    for key in client.scan_iter(f"{PREFIX}*"):
        fields: Any = client.hgetall(key)
        if fields:
            found.append(Process(fields["host"], float(fields["offset"])))
    return sorted(found, key=lambda each: each.host)
