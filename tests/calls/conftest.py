from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace

import pytest

from calls.models import Leg
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.server import Server
from tests.support.wait import until


def punctual() -> Server:
    """A server with an installation's own times, of which the design's promises are asked. It has run for a while: only
    what it spares after its start is cut short."""
    return Server(EARSHOT_STEWARD_TICK_SECONDS=None, EARSHOT_START_GRACE_SECONDS=1).start()


def until_a_tick(call: str) -> None:
    """The steward has just renewed the leases of this call: what happens now waits longest for the next tick."""

    def leases() -> set[datetime | None]:
        return set(Leg.objects.joined().filter(call=call).values_list("lease_expires_at", flat=True))

    before = leases()
    until(lambda: not before & leases(), "longer leases")


@pytest.fixture
def ana(server: Server, people: SimpleNamespace, connect: Connect) -> Client:
    return connect(server, people.ana)


@pytest.fixture
def ben(server: Server, people: SimpleNamespace, connect: Connect) -> Client:
    return connect(server, people.ben)


@pytest.fixture
def sam(server: Server, people: SimpleNamespace, connect: Connect) -> Client:
    """The stranger."""
    return connect(server, people.sam)


@pytest.fixture
def alone(server: Server, hasty_server: Server) -> Iterator[None]:
    """No other steward looks after the calls of the test."""
    server.kill()
    hasty_server.kill()
    yield
    server.start()
    hasty_server.start()


@pytest.fixture
def ringing(ana: Client, ben: Client, people: SimpleNamespace) -> str:
    call = ana.place(people.ben.pk)
    ben.until_call(call, "ringing")
    return call


@pytest.fixture
def active(ana: Client, ben: Client, ringing: str) -> str:
    assert ben.command("call.accept", call=ringing)["type"] == "ok"
    ana.until_call(ringing, "active")
    ben.until_call(ringing, "active")
    return ringing
