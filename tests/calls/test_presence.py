"""What one process knows of the people of another, through a real Redis."""

from collections.abc import Iterator
from threading import Event, Thread
from unittest.mock import Mock

import pytest
import redis
from django.db import OperationalError

from calls import presence
from calls.bus import Bus
from calls.exchange import Exchange
from calls.presence import HERE_SECONDS, Presence
from calls.steward import Roster, Steward
from tests.support.redis import Redis

pytestmark = pytest.mark.slow


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


def test_who_is_about_to_come_is_reachable_from_elsewhere(bus: Redis) -> None:
    """Between the announcement and the arrival the steward may write who is here."""
    here, elsewhere = Presence(bus.url), Presence(bus.url)
    here.announce("chen")
    here.exchange_with_others()
    assert elsewhere.is_reachable("chen")


def test_while_the_database_is_away_nobody_goes_off_line_elsewhere(bus: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = Presence(bus.url), Presence(bus.url)
    here.arrived("sam", "device-of-sam")
    steward = Steward(Exchange(here, Bus("")))
    monkeypatch.setattr(steward, "_look", Mock(side_effect=OperationalError))
    with pytest.raises(OperationalError):
        steward._work(Roster(set(), set(), set(), {}))
    assert elsewhere.is_reachable("sam")


def test_who_comes_while_the_steward_writes_is_reachable(bus: Redis) -> None:
    here, elsewhere = Presence(bus.url), Presence(bus.url)
    enough = Event()

    def write() -> None:
        while not enough.is_set():
            here.exchange_with_others()

    writer = Thread(target=write)
    writer.start()
    try:
        for number in range(300):
            here.announce(f"guest {number}")
            assert all(elsewhere.is_reachable(f"guest {number}") for _ in range(3))
    finally:
        enough.set()
        writer.join()


def test_who_came_and_went_while_no_tick_came_through_is_off_line_after_all(
    bus: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = Presence(bus.url), Presence(bus.url)
    here.arrived("somebody", "device")
    here.exchange_with_others()
    here.announce("dana")
    here.arrived("dana", "device-of-dana")
    here.left("dana", "device-of-dana")
    later = presence.monotonic() + HERE_SECONDS - 5
    monkeypatch.setattr(presence, "monotonic", lambda: later)
    for _ in range(2):
        here.exchange_with_others()
    assert not elsewhere.is_reachable("dana")


def test_whom_redis_has_forgotten_is_reachable_until_their_process_has_said_so_again(bus: Redis) -> None:
    here, elsewhere = Presence(bus.url), Presence(bus.url)
    here.arrived("eva", "device-of-eva")
    here.exchange_with_others()
    elsewhere.exchange_with_others()
    redis.Redis.from_url(bus.url).flushall()
    elsewhere.exchange_with_others()
    assert elsewhere.is_reachable("eva")
    here.exchange_with_others()
    here.left("eva", "device-of-eva")
    here._left_at.clear()
    here.exchange_with_others()
    elsewhere.exchange_with_others()
    assert not elsewhere.is_reachable("eva")
