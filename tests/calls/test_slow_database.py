"""What waits for the database holds a thread of its pool, and nobody who does not need just that thread."""

from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.conf import settings

from tests.conftest import Connect
from tests.support.client import Client
from tests.support.locks import nobody_writes
from tests.support.metrics import ask, until_ticks
from tests.support.people import session_of
from tests.support.server import Server

pytestmark = pytest.mark.slow


def place(client: Client, to: object) -> None:
    client.send({"type": "call.place", "id": "p", "call": str(uuid4()), "to": str(to), "kind": "voice"})


def test_one_who_waits_keeps_nobody_else_from_coming_and_talking(
    server: Server, people: SimpleNamespace, connect: Connect, ana: Client, ben: Client, active: str, sam: Client
) -> None:
    session = session_of(people.chen)
    with nobody_writes():
        place(sam, people.chen.pk)
        connect(server, people.chen, session=session)
        ana.peer(active, 1, {"kind": "media", "microphone": True, "camera": True})
        ben.wait_for("peer")
        assert not sam.heard("ok")
    sam.wait_for("ok")


def test_who_waits_goes_on_talking_meanwhile(server: Server, ana: Client, ben: Client, active: str) -> None:
    """Messages of one socket do not stand in one line: a command of hers waits, her page and her media do not."""
    with nobody_writes():
        ana.send({"type": "call.hang_up", "id": "h", "call": active})
        ana.peer(active, 1, {"kind": "media", "microphone": True, "camera": True})
        ben.wait_for("peer")
        ana.settle()
        assert not ana.heard("ok")[1:]  # the one is for placing the call
    assert ben.until_call(active, "ended")["end_reason"] == "completed"


def test_when_every_thread_waits_the_steward_works_and_the_server_is_ready(
    server: Server, people: SimpleNamespace, connect: Connect
) -> None:
    waiting = [connect(server, people.sam) for _ in range(settings.DATABASE_THREADS)]
    with nobody_writes():
        for client in waiting:
            place(client, people.chen.pk)
            client.settle()
        assert ask(server, "/readyz")[0] == 200
        until_ticks(server, 1)
        assert not any(client.heard("ok") for client in waiting)
    for client in waiting:
        client.until(lambda client=client: client.heard("ok") + client.heard("error"))  # type: ignore[misc]
