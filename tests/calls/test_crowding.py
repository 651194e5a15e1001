"""One socket that does not read, and one that says far too much: each is closed, and nobody else misses anything."""

import json
import secrets
import socket
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from calls.core.protocol import FRAME_BYTES
from calls.device import OUTBOX_BYTES
from tests.conftest import Connect
from tests.support.client import PATIENCE_SECONDS, Client
from tests.support.people import cookie_of, session_of
from tests.support.server import Server

pytestmark = pytest.mark.slow

MESSAGES = 100

# Some 35 KiB of answer to 20 KiB of question: what a page asks for, it can be made to choke on.
WATCH_PEOPLE = 500

Open = Callable[[Any], ClientConnection]


@pytest.fixture
def open_raw(server: Server) -> Iterator[Open]:
    """`open_raw(user)`: a signed-in socket that reads one frame when it is asked to, and has little room for more."""
    opened: list[ClientConnection] = []

    def make(user: Any) -> ClientConnection:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
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
    assert json.loads(raw.recv(timeout=PATIENCE_SECONDS))["type"] == "welcome"


def until_cut(say: Callable[[], None]) -> None:
    """Goes on saying it until the server has cut the connection."""
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:
        try:
            say()
        except (ConnectionClosed, OSError):
            return
    raise AssertionError("The server let it go on.")


def all_arrive(ana: Client, ben: Client, call: str) -> None:
    ben.until(lambda: {m["seq"] for m in ben.heard("peer")} == set(range(1, MESSAGES + 1)), "every message")
    assert ana.close_code is None and ben.close_code is None


def talk(ana: Client, call: str, seq: int) -> None:
    if seq <= MESSAGES:
        ana.peer(call, seq, {"kind": "offer", "sdp": f"v=0 {seq}"})


def test_a_socket_that_does_not_read_is_closed_before_it_fills_the_memory(
    server: Server, people: SimpleNamespace, ana: Client, ben: Client, active: str, open_raw: Open
) -> None:
    deaf = open_raw(people.chen)
    say_hello(deaf)
    ask = json.dumps({"type": "presence.watch", "id": "w", "people": [str(uuid4()) for _ in range(WATCH_PEOPLE)]})
    said = 0

    def say() -> None:
        nonlocal said
        said += 1
        deaf.send(ask)
        talk(ana, active, said)
        sleep(0.021)  # within the limit of frames a second: it is closed for not reading, not for saying too much

    before = server.memory()
    until_cut(say)
    while said < MESSAGES:
        said += 1
        talk(ana, active, said)
    all_arrive(ana, ben, active)
    assert server.memory() - before < 8 * OUTBOX_BYTES
    assert closed_sockets(server, 4002) == 1


def test_a_socket_that_says_a_thousand_things_a_second_is_closed(
    server: Server, ana: Client, ben: Client, active: str, people: SimpleNamespace, open_raw: Open
) -> None:
    flood, said = open_raw(people.chen), 0
    say_hello(flood)

    def say() -> None:
        nonlocal said
        said += 1
        flood.send('{"type": "ping"}')
        if said % 10 == 0:
            talk(ana, active, said // 10)
        sleep(0.001)

    until_cut(say)
    for seq in range(said // 10 + 1, MESSAGES + 1):
        talk(ana, active, seq)
    all_arrive(ana, ben, active)
    assert closed_sockets(server, 4504) == 1


def test_what_is_said_before_the_welcome_waits_outside(
    server: Server, people: SimpleNamespace, open_raw: Open, connect: Connect
) -> None:
    """The server does not read on while it signs somebody in, or who is not signed in yet could fill its memory."""
    loud = open_raw(people.chen)
    before = server.memory()
    loud.send(json.dumps({"type": "hello", "protocol": 1, "device": secrets.token_urlsafe(16)}))
    frame = "x" * (FRAME_BYTES - 100)
    until_cut(lambda: loud.send(frame))
    assert server.memory() - before < 100 * FRAME_BYTES
    connect(server, people.ben).settle()
