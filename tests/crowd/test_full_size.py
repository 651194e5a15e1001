"""Five hundred calls in a second, beside fewer idle sockets than the command has, so that it takes seconds."""

from collections.abc import Iterator

import pytest

from tests.support.metrics import TOKEN
from tests.support.server import Server

from .full_size import CALLS, full_size

IDLE = 1000

pytestmark = pytest.mark.slow


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    running = Server(EARSHOT_METRICS_TOKEN=TOKEN, EARSHOT_STEWARD_TICK_SECONDS=None).start()
    yield running
    running.kill()


def test_no_transition_of_five_hundred_calls_is_lost(server: Server) -> None:
    full_size(server, CALLS, IDLE)
