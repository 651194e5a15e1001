"""Two server processes that share the database and a real Redis: a call between people of one and the other."""

from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest

from calls.models import Call
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.pages import sign_out
from tests.support.people import session_of
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.wait import until

# How long a page waits for an acknowledgement before it sends a peer message again.
RESEND_SECONDS = 1.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bus() -> Iterator[Redis]:
    running = Redis().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def servers(bus: Redis, django_db_setup: None, django_db_blocker: object) -> Iterator[tuple[Server, Server]]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        pair = (Server(REDIS_URL=bus.url).start(), Server(REDIS_URL=bus.url).start())
    yield pair
    for server in pair:
        server.kill()


@pytest.fixture
def devices(servers: tuple[Server, Server], people: SimpleNamespace, connect: Connect) -> SimpleNamespace:
    one, other = servers
    return SimpleNamespace(ana=connect(one, people.ana), ben=connect(other, people.ben), sam=connect(other, people.sam))


def test_a_whole_call_across_processes(devices: SimpleNamespace, people: SimpleNamespace) -> None:
    ana, ben = devices.ana, devices.ben
    call = ana.place(people.ben.pk)
    ben.until_call(call, "ringing")
    ben.command("call.alert", call=call)
    ana.until(lambda: ana.leg(call, mine=False)["alerted"])
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")
    body = {"kind": "offer", "sdp": "v=0 across"}
    ana.peer(call, 1, body)
    assert ben.wait_for("peer")["body"] == body
    ben.peer(call, 1, {"kind": "answer", "sdp": "v=0 back"}, ack=1)
    assert ana.wait_for("peer")["ack"] == 1
    ana.command("call.hang_up", call=call)
    assert ben.until_call(call, "ended")["end_reason"] == "completed"
    devices.sam.settle()
    assert {message["type"] for message in devices.sam.messages} == {"welcome", "pong"}


def test_presence_crosses_processes(devices: SimpleNamespace, people: SimpleNamespace) -> None:
    ana, ben = devices.ana, devices.ben

    def status(person: object) -> str | None:
        shown = [view for message in ana.heard("presence") for view in message["people"] if view["id"] == str(person)]
        return shown[-1]["status"] if shown else None

    ana.command("presence.watch", people=[str(people.ben.pk)])
    ana.until(lambda: status(people.ben.pk) == "online")
    ben.close()
    ana.until(lambda: status(people.ben.pk) == "offline")


def test_two_devices_in_two_processes_and_one_answers(
    servers: tuple[Server, Server], devices: SimpleNamespace, people: SimpleNamespace, connect: Connect
) -> None:
    second = connect(servers[0], people.ben)
    call = devices.ana.place(people.ben.pk)
    second.until_call(call, "ringing")
    devices.ben.until_call(call, "ringing")
    second.command("call.accept", call=call)
    devices.ben.until_call(call, "active")
    assert devices.ben.leg(call)["device"] == second.device


def test_redis_restarts_and_calls_go_on(bus: Redis, devices: SimpleNamespace, people: SimpleNamespace) -> None:
    """Both processes listen again. Peer messages show it, for them no steward heals."""
    ana, ben = devices.ana, devices.ben
    call = ana.place(people.ben.pk)
    ben.until_call(call, "ringing")
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")
    bus.stop()
    bus.start()
    tell(ana, ben, call, 1)
    tell(ben, ana, call, 1)
    ana.command("call.hang_up", call=call)
    assert ben.until_call(call, "ended")["end_reason"] == "completed"
    again = ana.place(people.ben.pk)
    ben.until_call(again, "ringing")
    assert ben.command("call.accept", call=again)["type"] == "ok"
    ana.until_call(again, "active")
    tell(ana, ben, again, 1)
    tell(ben, ana, again, 1)
    assert Call.objects.count() == 2
    assert len(bus.subscribers()) == 2


def tell(sender: Client, receiver: Client, call: str, seq: int) -> None:
    """Send a peer message, and again as a page does, until it has arrived."""

    def arrived() -> bool:
        return any((message["call"], message["seq"]) == (call, seq) for message in receiver.heard("peer"))

    def arrives() -> bool:
        sender.peer(call, seq, {"kind": "media", "microphone": True, "camera": False})
        with suppress(AssertionError):
            until(arrived, "a peer message", RESEND_SECONDS)
        return arrived()

    until(arrives, f"peer message {seq} of {call}")


def test_while_redis_is_away_devices_come_back_and_learn_what_ended(
    bus: Redis, devices: SimpleNamespace, people: SimpleNamespace, connect: Connect, servers: tuple[Server, Server]
) -> None:
    ana, ben = devices.ana, devices.ben
    call = ana.place(people.ben.pk)
    ben.until_call(call, "ringing")
    bus.stop()
    try:
        ana.command("call.hang_up", call=call)
        assert ben.until_call(call, "ended")["end_reason"] == "cancelled"
        assert connect(servers[1], people.chen).close_code is None
    finally:
        bus.start()


def test_signing_out_in_one_process_ends_the_call_whose_socket_is_in_another(
    servers: tuple[Server, Server], people: SimpleNamespace, connect: Connect
) -> None:
    session = session_of(people.ana)
    ana, ben = connect(servers[1], people.ana, session=session), connect(servers[0], people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    assert sign_out(servers[0], session) == 200
    assert ana.until_closed() == 4500
    assert ben.until_call(call, "ended")["end_reason"] == "revoked"
