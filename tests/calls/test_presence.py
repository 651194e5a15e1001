"""What one process knows of the people of another, through a real Redis."""

from collections.abc import Iterator

import pytest

from calls.presence import Presence
from tests.support.redis import Redis


@pytest.fixture(scope="module")
def bus() -> Iterator[Redis]:
    running = Redis().start()
    yield running
    running.stop()


def test_who_changes_sockets_stays_reachable_from_elsewhere(bus: Redis) -> None:
    """A tick may fall into the moment without any."""
    here, elsewhere = Presence(bus.url), Presence(bus.url)
    here.arrived("ana", "device-of-ana")
    here.exchange_with_others()
    here.left("ana", "device-of-ana")
    here.exchange_with_others()
    assert elsewhere.is_reachable("ana")
    elsewhere.exchange_with_others()
    assert elsewhere.is_reachable("ana")
    assert not elsewhere.is_reachable("ben")
