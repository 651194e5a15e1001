"""A neighbourhood beside a page that does harm, smaller and shorter than the command's, which measures how much later
everybody is. Here nobody may miss anything."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.metrics import TOKEN
from tests.support.server import Server
from tests.support.wait import until

from .neighbourhood import Neighbourhood
from .neighbours import CODES, bad_page, closes
from .population import Inhabitant, populate

pytestmark = pytest.mark.slow

PEOPLE, TALKING = 16, 5

# How often the page must have been closed.
CLOSES = 3


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    running = Server(EARSHOT_METRICS_TOKEN=TOKEN).start()
    yield running
    running.kill()


@pytest.mark.parametrize("how", CODES)
def test_who_does_harm_is_closed_each_time_it_comes_and_nobody_else_misses_anything(server: Server, how: str) -> None:
    asyncio.run(live_beside(server, how, *populate(PEOPLE + 1)))
    assert closes(server).keys() == {CODES[how]}


async def live_beside(server: Server, how: str, culprit: Inhabitant, *people: Inhabitant) -> None:
    neighbourhood, over = Neighbourhood(server, people, TALKING), asyncio.Event()
    await neighbourhood.come()
    with bad_page(how, server, culprit):
        living = asyncio.create_task(neighbourhood.live(over))
        await asyncio.to_thread(until, lambda: closes(server).get(CODES[how], 0) >= CLOSES, "a close, each time")
        over.set()
        heard = await living
    await neighbourhood.go()
    assert heard.messages and heard.commands
