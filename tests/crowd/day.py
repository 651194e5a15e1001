"""`python -m tests.crowd.day [CYCLES]`: a day in minutes, on two servers, on each of two channel layers.

Every socket is sent away after a few seconds, and the membership of the channel layer, where it has a term, runs out as
fast. People go on calling each other across the servers: nobody may fall deaf, and the memory may not grow.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.metrics import TOKEN, values
from tests.support.redis import Redis
from tests.support.server import Server

from .core_layer import GROUP_EXPIRY_SECONDS
from .device import Device
from .figures import mib, say
from .installation import installation
from .long_life import Life, live
from .population import populate

SOCKET_SECONDS = 3.0

LAYERS = {
    "production's": {},
    "one with a term": {
        "DJANGO_SETTINGS_MODULE": "tests.crowd.core_layer",
        "EARSHOT_BUS_REJOIN_SECONDS": GROUP_EXPIRY_SECONDS / 4,
    },
}

CYCLES, PAIRS, IDLE = 20, 20, 200

# What the memory may grow by for each socket that came and went. One that stayed behind would cost 30 KiB.
GROWTH_BYTES = 6 * 1024


@contextmanager
def two_servers(**environment: object) -> Iterator[tuple[Server, Server]]:
    with ExitStack() as stack:
        redis = Redis().start()
        stack.callback(redis.stop)
        pair = []
        for _ in range(2):
            server = Server(
                REDIS_URL=redis.url,
                EARSHOT_SOCKET_SECONDS=SOCKET_SECONDS,
                EARSHOT_METRICS_TOKEN=TOKEN,
                **environment,
            )
            stack.callback(server.kill)
            pair.append(server.start())
        yield pair[0], pair[1]


@dataclass(frozen=True, slots=True)
class Cycle:
    """At its end: sockets that were closed, calls, and both servers' memory in bytes."""

    closed: int
    calls: int
    memory: int


def day(servers: tuple[Server, Server], cycles: int, pairs: int, idle: int) -> list[Cycle]:
    """Until every socket was sent away so often. Raises AssertionError if anybody is not told something."""
    people = populate(2 * pairs + idle, handle=f"day{servers[0].port}n")
    devices = [person.device(servers[number % 2]) for number, person in enumerate(people)]
    seen = asyncio.run(_live(servers, devices, [person.id for person in people], cycles, pairs))
    codes = {code for device in devices for code in device.closes}
    assert codes == {4004}, f"sockets were closed with {codes}"
    for server in servers:
        counted = values(server)
        assert counted["earshot_bus_lost_batches_total"] == 0
        assert "joining again" not in server.log(), server.log()
    return seen


async def _live(
    servers: tuple[Server, Server], devices: list[Device], ids: list[str], cycles: int, pairs: int
) -> list[Cycle]:
    life, seen = Life(), []
    await asyncio.gather(*(device.come() for device in devices))
    async with asyncio.TaskGroup() as calling:
        for number in range(0, 2 * pairs, 2):
            calling.create_task(live(life, devices[number], devices[number + 1], ids[number + 1]))
        for cycle in range(1, cycles + 1):
            for device in devices:
                await device.until(lambda d=device, c=cycle: len(d.closes) >= c, "a close by the limit")  # type: ignore[misc]
            closed = sum(len(device.closes) for device in devices)
            seen.append(Cycle(closed, life.calls, sum(server.memory() for server in servers)))
        life.over.set()
    await asyncio.gather(*(device.go() for device in devices))
    return seen


def growth(seen: list[Cycle]) -> float:
    """Bytes for each socket that came and went, after a third of the day: until then caches and free lists fill."""
    first, last = seen[len(seen) // 3], seen[-1]
    return (last.memory - first.memory) / (last.closed - first.closed)


def main(cycles: int = CYCLES) -> None:
    with installation():
        for name, environment in LAYERS.items():
            say(f"{name} layer; sockets live {SOCKET_SECONDS:.0f} s at most")
            with two_servers(**environment) as servers:
                seen = day(servers, cycles, PAIRS, IDLE)
            for number, cycle in enumerate(seen, 1):
                say(f"  {number:3}  {cycle.closed:6} sockets closed  {cycle.calls:6} calls  {mib(cycle.memory)}")
            say(f"  grown by {growth(seen) / 1024:.1f} KiB for each socket")
            assert growth(seen) < GROWTH_BYTES
    say("Nobody fell deaf.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
