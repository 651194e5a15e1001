"""A day in seconds: no time limit of any layer makes anybody deaf, and sockets that have gone leave nothing behind."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.server import Server

from .day import LAYERS, day, two_servers
from .population import Inhabitant, populate

pytestmark = pytest.mark.slow

CYCLES, PAIRS, IDLE = 3, 8, 20

# Sockets of each wave. One that left its device behind would cost some 30 KiB.
PEOPLE, TIMES = 50, 20
GROWTH_BYTES = PEOPLE * TIMES * 8 * 1024


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    running = Server().start()
    yield running
    running.kill()


@pytest.mark.parametrize("layer", LAYERS)
def test_nobody_falls_deaf(transactional_db: None, layer: str) -> None:
    with two_servers(**LAYERS[layer]) as servers:
        seen = day(servers, CYCLES, PAIRS, IDLE)
    assert seen[-1].calls > seen[0].calls > 0


def test_sockets_that_have_gone_leave_nothing_behind(server: Server) -> None:
    people = populate(PEOPLE)
    asyncio.run(wave(server, people))  # fills caches and free lists
    before = server.memory()
    asyncio.run(wave(server, people))
    assert server.memory() - before < GROWTH_BYTES


async def wave(server: Server, people: list[Inhabitant]) -> None:
    async def come_and_go(person: Inhabitant) -> None:
        for _ in range(TIMES):
            device = person.device(server)
            await device.come()
            await device.go()

    await asyncio.gather(*map(come_and_go, people))
