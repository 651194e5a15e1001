"""One socket that does not read, and one that says far too much: each is closed, and nobody else misses anything."""

import json
import secrets
import socket
import struct
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from calls.core.protocol import FRAME_BYTES
from calls.device import OUTBOX_BYTES
from calls.limits import FRAMES_BURST
from tests.conftest import Connect
from tests.support.client import PATIENCE_SECONDS, Client
from tests.support.locks import nobody_writes
from tests.support.metrics import TOKEN, values
from tests.support.people import cookie_of, session_of
from tests.support.server import Server
from tests.support.wait import until

pytestmark = pytest.mark.slow

# What Ana says to Ben meanwhile.
MESSAGES = 100

# A question whose answer is longer: of these a page can be made to choke.
PEOPLE = 500
QUESTION = json.dumps({"type": "presence.watch", "id": "w", "people": [str(uuid4()) for _ in range(PEOPLE)]})
ANSWER_BYTES = PEOPLE * len('{"id":"00000000-0000-0000-0000-000000000000","status":"offline"},')

# A close frame without a code (RFC 6455 section 5.5.1), under a mask of zeros.
GOODBYE = b"\x88\x80\0\0\0\0"

Open = Callable[[Any], ClientConnection]


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = Server(EARSHOT_METRICS_TOKEN=TOKEN).start()
    yield running
    running.kill()


@pytest.fixture
def open_raw(server: Server) -> Iterator[Open]:
    """`open_raw(user)`: a socket that reads one frame when it is asked to, has little room for more, and notices when
    the server takes nothing for a second."""
    opened: list[ClientConnection] = []

    def make(user: Any) -> ClientConnection:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
        small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 1, 0))
        small.connect(("127.0.0.1", server.port))
        raw = connect(
            server.socket_url,
            legacy=True,
            sock=small,
            origin=Origin(server.origin),
            additional_headers={"Cookie": cookie_of(session_of(user))},
            compression=None,
            max_queue=1,
            close_timeout=0,
            ping_interval=None,
        )
        opened.append(raw)
        return raw

    yield make
    for raw in opened:
        raw.socket.close()


def say_hello(raw: ClientConnection) -> None:
    raw.send(json.dumps({"type": "hello", "protocol": 1, "device": secrets.token_urlsafe(16)}))


def welcomed(raw: ClientConnection) -> None:
    say_hello(raw)
    assert json.loads(raw.recv(timeout=PATIENCE_SECONDS))["type"] == "welcome"


def until_cut(say: Callable[[], None]) -> None:
    """Goes on saying it until the server has cut the connection, or takes no more."""
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:
        try:
            say()
        except (ConnectionClosed, OSError):
            return
    raise AssertionError("The server let it go on.")


def all_arrive(ana: Client, ben: Client) -> None:
    ben.until(lambda: {m["seq"] for m in ben.heard("peer")} == set(range(1, MESSAGES + 1)), "every message")
    assert ana.close_code is None and ben.close_code is None


def closed(server: Server, code: int) -> float:
    """How many sockets it has closed with this code."""
    return values(server).get(f"earshot_closed_sockets_total code={code}", 0)


def test_a_socket_that_does_not_read_is_closed_before_it_fills_the_memory(
    server: Server, people: SimpleNamespace, ana: Client, ben: Client, active: str, open_raw: Open
) -> None:
    deaf = open_raw(people.chen)
    welcomed(deaf)
    before = server.memory()
    for _ in range(FRAMES_BURST - 1):  # one was the hello; any more would be a flood
        deaf.send(QUESTION)
    for seq in range(1, MESSAGES + 1):
        ana.peer(active, seq, {"kind": "offer", "sdp": f"v=0 {seq}"})
    until(lambda: closed(server, 4002), "the close")
    assert server.memory() - before < 8 * OUTBOX_BYTES
    all_arrive(ana, ben)
    until(lambda: values(server)["earshot_sockets of=members"] == 2, "its end")


def test_a_socket_that_says_goodbye_and_does_not_read_is_let_go(
    server: Server, people: SimpleNamespace, open_raw: Open
) -> None:
    """The answer to its goodbye waits behind what it does not read, so that it could stay for ever, and on line."""
    before, enough = closed(server, 4002), 0
    deaf = open_raw(people.chen)
    welcomed(deaf)
    while closed(server, 4002) == before:
        deaf.send(QUESTION)
        enough += 1
    deaf = open_raw(people.chen)
    welcomed(deaf)
    for _ in range(enough - OUTBOX_BYTES // 2 // ANSWER_BYTES):  # the transport is full, the outbox half full
        deaf.send(QUESTION)
        assert closed(server, 4002) == before + 1
    deaf.socket.sendall(GOODBYE)
    until(lambda: values(server)["earshot_sockets of=members"] == 0, "its end")


def test_a_socket_that_says_a_thousand_things_a_second_is_closed(
    server: Server, people: SimpleNamespace, ana: Client, ben: Client, active: str, open_raw: Open
) -> None:
    flood, said = open_raw(people.chen), 0
    welcomed(flood)

    def say() -> None:
        nonlocal said
        said += 1
        flood.send('{"type": "ping"}')
        if said <= MESSAGES:
            ana.peer(active, said, {"kind": "offer", "sdp": f"v=0 {said}"})
        sleep(0.001)

    until_cut(say)
    assert closed(server, 4504) == 1
    all_arrive(ana, ben)


def test_what_is_said_before_the_welcome_waits_outside(
    server: Server, people: SimpleNamespace, connect: Connect, open_raw: Open
) -> None:
    """The server does not read on while it signs somebody in, or who is not signed in yet could fill its memory."""
    others = [connect(server, people.sam) for _ in range(settings.DATABASE_THREADS)]
    loud = open_raw(people.chen)
    frame = "x" * (FRAME_BYTES - 100)
    with nobody_writes():
        for each in others:
            each.send(
                {"type": "call.place", "id": "p", "call": str(uuid4()), "to": str(people.ben.pk), "kind": "voice"}
            )
        others[0].settle()
        before = server.memory()
        say_hello(loud)
        until_cut(lambda: loud.send(frame))
        assert server.memory() - before < 100 * FRAME_BYTES
    for each in others:
        each.until(lambda each=each: each.heard("ok") + each.heard("error"))  # type: ignore[misc]
    connect(server, people.ben).settle()
