"""Daphne's own time limits, reached by putting the server's clock a day ahead: no socket is closed for its age, and one
that is only half open soon is."""

import json
import secrets
from collections.abc import Iterator
from signal import SIGUSR1
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from accounts.models import User
from tests.support.metrics import TOKEN, sockets
from tests.support.people import cookie_of, session_of
from tests.support.server import Server
from tests.support.wait import until

pytestmark = pytest.mark.slow


class Attentive(ClientConnection):
    """Notes the pings of the server."""

    pings = 0

    def process_event(self, event: Any) -> None:
        self.pings += getattr(event, "opcode", None) is Opcode.PING  # the handshake has none
        super().process_event(event)


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    running = Server(DJANGO_SETTINGS_MODULE="tests.crowd.next_day", EARSHOT_METRICS_TOKEN=TOKEN).start()
    yield running
    running.kill()


def welcomed(server: Server, user: User) -> Attentive:
    headers = {"Cookie": cookie_of(session_of(user))}
    options: dict[str, Any] = {"create_connection": Attentive, "compression": None, "ping_interval": None}
    socket = connect(
        server.socket_url, legacy=True, origin=Origin(server.origin), additional_headers=headers, **options
    )
    assert isinstance(socket, Attentive)
    socket.send(json.dumps({"type": "hello", "protocol": 1, "device": secrets.token_urlsafe(16)}))
    assert json.loads(socket.recv())["type"] == "welcome"
    return socket


def test_a_socket_may_be_open_for_more_than_a_day(server: Server, people: SimpleNamespace) -> None:
    with welcomed(server, people.ana) as socket:
        server.signal(SIGUSR1)
        until(lambda: socket.pings, "a ping")  # daphne has looked at its limits just before
        socket.send('{"type": "ping"}')
        assert json.loads(socket.recv()) == {"type": "pong"}


def test_a_socket_that_is_half_open_is_soon_closed(server: Server, people: SimpleNamespace) -> None:
    """A hidden page may be silent for long, but its browser answers pings. This one's does not any more."""
    deaf = welcomed(server, people.ana)
    deaf.send('{"type": "ping", "hidden": true}')
    assert json.loads(deaf.recv()) == {"type": "pong"}
    deaf.protocol.receive_data = lambda data: None  # type: ignore[method-assign]
    server.signal(SIGUSR1)
    until(lambda: sockets(server) == 0, "its end")
    deaf.socket.close()
