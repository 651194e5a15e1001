from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.conftest import Connect
from tests.support.client import Client
from tests.support.server import Server


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
