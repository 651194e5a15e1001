"""SIGTERM: a process leaves within 10 s, asks its devices to move on, and no call ends of it."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from types import SimpleNamespace
from unittest.mock import AsyncMock, Mock

import pytest
from django.conf import settings

from calls import background
from calls.models import Call
from calls.offload import offload
from tests.conftest import Connect
from tests.support.people import cookie_of, session_of
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.wait import PATIENCE_SECONDS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bus() -> Iterator[Redis]:
    running = Redis().start()
    yield running
    running.stop()


@pytest.fixture
def pair(bus: Redis, people: SimpleNamespace) -> Iterator[tuple[Server, Server]]:
    servers = (Server(REDIS_URL=bus.url).start(), Server(REDIS_URL=bus.url, EARSHOT_LOG_FORMAT="json").start())
    yield servers
    for server in servers:
        server.kill()


def test_devices_are_asked_to_move_on_and_calls_go_on_elsewhere(
    pair: tuple[Server, Server], people: SimpleNamespace, connect: Connect
) -> None:
    stays, goes = pair
    ana, ben = connect(stays, people.ana), connect(goes, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")

    assert goes.terminate() == 0
    assert ben.until_closed() == 4000

    again = connect(stays, people.ben, device=ben.device)
    assert again.calls[call]["state"] == "active"
    ana.peer(call, 1, {"kind": "offer", "sdp": "v=0 after"})
    assert again.wait_for("peer")["body"]["sdp"] == "v=0 after"
    assert Call.objects.get(pk=call).ended_at is None


def test_people_who_move_can_be_called_meanwhile(
    pair: tuple[Server, Server], people: SimpleNamespace, connect: Connect
) -> None:
    stays, goes = pair
    ana, ben = connect(stays, people.ana), connect(goes, people.ben)
    goes.terminate()
    ben.until_closed()
    call = ana.place(people.ben.pk)
    assert ana.calls[call]["state"] == "ringing"
    assert connect(stays, people.ben, device=ben.device).calls[call]["state"] == "ringing"


def test_what_was_asked_before_is_answered(server: Server, people: SimpleNamespace) -> None:
    """A request that is being answered when the signal comes gets its answer; new connections are refused."""
    own = Server().start()
    body = b"x" * 100
    head = f"POST /accounts/login/ HTTP/1.1\r\nHost: localhost:{own.port}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", own.port)) as request:
        request.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
        assert own.terminate() == 0
        request.settimeout(10)
        assert request.recv(12).startswith(b"HTTP/1.1 ")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", own.port))


async def test_it_does_not_wait_behind_commands_that_wait_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Mock(send_away=AsyncMock(), stop=AsyncMock())
    monkeypatch.setattr(background, "exchange", exchange)
    monkeypatch.setattr(background, "_task", asyncio.create_task(asyncio.Event().wait()))
    enough = threading.Event()
    commands = [asyncio.create_task(offload(enough.wait)) for _ in range(settings.DATABASE_THREADS)]
    try:
        await asyncio.wait_for(background.stop(), PATIENCE_SECONDS)
    finally:
        enough.set()
        await asyncio.gather(*commands)
    exchange.presence.depart.assert_called_once_with()


def test_a_device_that_comes_while_it_stops_is_sent_on(people: SimpleNamespace, connect: Connect) -> None:
    """By a connection that was open before: a proxy keeps some."""
    own = Server().start()
    held = connect(own, people.ana, hello=False)  # open, but not said hello
    idle = [connect(own, people.ben) for _ in range(3)]
    leaving = threading.Thread(target=own.terminate)
    leaving.start()
    idle[0].until_closed()
    held.send({"type": "hello", "protocol": 1, "device": held.device, "calls": []})
    assert held.until_closed() in (4000, 1006, 1001)
    leaving.join()


def test_what_it_stopped_does_not_begin_again(people: SimpleNamespace, connect: Connect) -> None:
    """Of a request that comes by a connection that was open before."""
    own = Server().start()
    connect(own, people.ana, hello=False)  # for it the process waits a little
    kept = HTTPConnection("127.0.0.1", own.port, timeout=10)

    def readiness() -> int:
        kept.request("GET", "/readyz")
        response = kept.getresponse()
        response.read()
        return response.status

    said = [readiness()]
    leaving = threading.Thread(target=own.terminate)
    leaving.start()
    with suppress(OSError, HTTPException):
        while True:
            said.append(readiness())
    leaving.join()
    assert said == sorted(said) and set(said) == {200, 503}


class TestEvents:
    def test_are_a_json_line_each_with_ids_code_and_duration(
        self, pair: tuple[Server, Server], people: SimpleNamespace, connect: Connect
    ) -> None:
        _, tells = pair
        ana, ben = connect(tells, people.ana), connect(tells, people.ben)
        call = ana.place(people.ben.pk)
        ben.command("call.decline", call=call)
        ana.until_call(call, "ended")
        secret = cookie_of(session_of(people.ana)).partition("=")[2]
        ana.close()
        tells.terminate()
        lines = [json.loads(line) for line in tells.log().splitlines() if line.startswith("{")]
        told = {(line["message"], line.get("command") or line.get("code")): line for line in lines}
        placed = told["command", "call.place"]
        assert (placed["call"], placed["user"], placed["code"]) == (call, str(people.ana.pk), "ok")
        assert placed["duration_ms"] > 0 and placed["level"] == "INFO" and placed["time"]
        assert told["call.ended", "declined"]["call"] == call
        assert ("server.stopped", None) in told
        opened = [line for line in lines if line["message"] == "socket.opened"]
        assert {line["user"] for line in opened} == {str(people.ana.pk), str(people.ben.pk)}
        assert secret not in tells.log() and "127.0.0.1" not in "".join(map(json.dumps, lines))
