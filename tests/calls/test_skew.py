"""Servers whose clocks disagree by three minutes: every deadline is the database's (docs/holding.md, trap 3)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils.timezone import now

from calls.models import Call, Leg
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.wait import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lives on one host, which has one clock."),
]

RING_SECONDS = LEASE_SECONDS = 4


@pytest.fixture(scope="module")
def skewed(django_db_setup: None, django_db_blocker: object) -> Iterator[tuple[Server, Server]]:
    """One server is 90 s ahead, the other 90 s behind."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    bus = Redis().start()
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        ahead, behind = (
            Server(
                REDIS_URL=bus.url,
                EARSHOT_CALL_RING_SECONDS=RING_SECONDS,
                EARSHOT_LEG_LEASE_SECONDS=LEASE_SECONDS,
                EARSHOT_START_GRACE_SECONDS=1,
                LD_PRELOAD=library,
                FAKETIME=skew,
                FAKETIME_DONT_FAKE_MONOTONIC=1,
            ).start()
            for skew in ("+90s", "-90s")
        )
    yield ahead, behind
    ahead.kill()
    behind.kill()
    bus.stop()


@pytest.fixture(params=["called from ahead", "called from behind"])
def pair(
    request: pytest.FixtureRequest, skewed: tuple[Server, Server], people: SimpleNamespace, connect: Connect
) -> tuple[Client, Client]:
    first, second = skewed if request.param == "called from ahead" else reversed(skewed)
    return connect(first, people.ana), connect(second, people.ben)


def test_a_ring_lasts_as_long_as_ever(pair: tuple[Client, Client], people: SimpleNamespace) -> None:
    ana, ben = pair
    began, earliest = monotonic(), now()
    call = ana.place(people.ben.pk)
    ben.until_call(call, "ringing")
    assert 0 < ben.calls[call]["ring_left_ms"] <= RING_SECONDS * 1000
    assert ana.until_call(call, "ended")["end_reason"] == "missed"
    assert monotonic() - began >= RING_SECONDS
    row = Call.objects.get(pk=call)
    assert row.ended_at is not None and row.ended_at >= row.ring_expires_at
    assert earliest <= row.placed_at <= row.ended_at <= now()
    assert row.ring_expires_at - row.placed_at == timedelta(seconds=RING_SECONDS)


def test_a_call_goes_on_while_both_are_there(pair: tuple[Client, Client], people: SimpleNamespace) -> None:
    ana, ben = pair
    call = ana.place(people.ben.pk)
    ben.until_call(call, "ringing")
    assert ben.command("call.accept", call=call)["type"] == "ok"
    ana.until_call(call, "active")
    answered = Call.objects.get(pk=call).answered_at
    assert answered is not None
    renewed = answered + timedelta(seconds=2 * LEASE_SECONDS)
    until(lambda: Leg.objects.filter(call=call, lease_expires_at__gt=renewed).count() == 2, "leases past their first")
    assert Call.objects.get(pk=call).state == "active"
    ana.command("call.hang_up", call=call)
    ended = ben.until_call(call, "ended")
    assert ended["end_reason"] == "completed"
    assert 0 <= ended["active_ms"] < 60_000
