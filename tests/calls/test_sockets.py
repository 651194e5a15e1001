"""The socket: who gets in, what a bad frame does, and how a socket ends."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from accounts import contacts
from calls import identity, limits
from calls.core import protocol
from calls.models import Call
from calls.steward import IDENTIFY_TICKS
from tests.calls.conftest import punctual, until_a_tick
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.metrics import until_ticks
from tests.support.pages import sign_out, submit
from tests.support.people import cookie_of, session_of
from tests.support.server import Server
from tests.support.wait import within

HELLO = {"type": "hello", "protocol": 1, "device": "device-of-nobody"}


def open_socket(server: Server, cookie: str = "", origin: str | None = None) -> Client:
    return Client(server.socket_url, origin or server.origin, cookie)


class TestGettingIn:
    def test_without_a_session(self, server: Server) -> None:
        assert open_socket(server).until_closed() == 4500

    def test_with_a_session_that_is_none(self, server: Server, people: SimpleNamespace) -> None:
        client = open_socket(server, cookie_of("made-up"))
        client.send(HELLO)
        assert client.until_closed() == 4500

    @pytest.mark.parametrize("other", ['consent={"level":["all"]}', "novalue", "a=b c", "na\u00efve=1", "x@y=1", "=1"])
    def test_beside_cookies_of_others(self, server: Server, people: SimpleNamespace, other: str) -> None:
        """That somebody else at this host has set: a page is signed in with them, and so is its socket."""
        client = open_socket(server, f"{other}; {cookie_of(session_of(people.ana))}")
        client.hello()

    @pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost", "https://localhost:{port}", "null"])
    def test_from_a_foreign_origin(self, server: Server, people: SimpleNamespace, origin: str) -> None:
        foreign = origin.format(port=server.port)
        client = open_socket(server, cookie_of(session_of(people.ana)), foreign)
        assert client.until_closed() == 4505
        assert repr(foreign) in server.log()

    def test_of_somebody_whose_account_was_closed(self, server: Server, people: SimpleNamespace) -> None:
        cookie = cookie_of(session_of(people.ana))
        people.ana.is_active = False
        people.ana.save()
        client = open_socket(server, cookie)
        client.send(HELLO)
        assert client.until_closed() == 4500

    def test_with_a_password_that_was_changed_since(self, server: Server, people: SimpleNamespace) -> None:
        cookie = cookie_of(session_of(people.ana))
        people.ana.set_password("another one")
        people.ana.save()
        client = open_socket(server, cookie)
        client.send(HELLO)
        assert client.until_closed() == 4500

    def test_with_a_protocol_that_is_too_old(self, server: Server, people: SimpleNamespace) -> None:
        client = open_socket(server, cookie_of(session_of(people.ana)))
        client.send({**HELLO, "protocol": 0})
        assert client.until_closed() == 4501

    def test_anything_before_hello(self, server: Server, people: SimpleNamespace) -> None:
        client = open_socket(server, cookie_of(session_of(people.ana)))
        client.send({"type": "ping"})
        assert client.until_closed() == 4503


class TestBadFrames:
    @pytest.mark.parametrize(
        ("frame", "code"),
        [
            ("no json", "bad_message"),
            (b"\x00\x01", "bad_message"),
            ({"type": "call.conjure", "id": "c1"}, "unknown_type"),
            ({"type": "websocket.disconnect"}, "unknown_type"),
            ({"type": "call.place", "id": "c1", "call": "x", "to": "y", "kind": "voice"}, "bad_message"),
            ({"type": "ping", "surprise": 1}, "bad_message"),
        ],
    )
    def test_gets_an_error_and_the_socket_lives(
        self, server: Server, people: SimpleNamespace, connect: Connect, frame: object, code: str
    ) -> None:
        ana = connect(server, people.ana)
        ana.send(frame)  # type: ignore[arg-type]
        assert ana.wait_for("error")["code"] == code
        ana.settle()
        assert ana.close_code is None
        assert not Call.objects.exists()

    def test_several_in_a_row_close_it(self, server: Server, people: SimpleNamespace, connect: Connect) -> None:
        ana = connect(server, people.ana)
        for _ in range(limits.BAD_FRAMES - 1):
            ana.send("no json")
        ana.settle()
        for _ in range(limits.BAD_FRAMES):
            ana.send("no json")
        assert ana.until_closed() == 4503

    def test_an_oversized_frame_closes_that_socket_alone(
        self, server: Server, people: SimpleNamespace, connect: Connect
    ) -> None:
        ana, ben = connect(server, people.ana), connect(server, people.ben)
        ana.send("x" * (protocol.FRAME_BYTES + 1))
        ana.until_closed()
        ben.settle()

    def test_a_second_hello_is_refused(self, server: Server, people: SimpleNamespace, connect: Connect) -> None:
        ana = connect(server, people.ana)
        ana.send(HELLO)
        assert ana.wait_for("error")["code"] == "not_allowed"

    def test_a_call_to_oneself_is_refused(self, server: Server, people: SimpleNamespace, connect: Connect) -> None:
        ana = connect(server, people.ana)
        answer = ana.command("call.place", call=str(uuid4()), to=str(people.ana.pk), kind="voice")
        assert answer["code"] == "not_allowed"


class TestFloods:
    def test_too_many_frames_get_one_error_and_no_effect(
        self, server: Server, people: SimpleNamespace, connect: Connect
    ) -> None:
        ana = connect(server, people.ana)
        for _ in range(limits.FRAMES_BURST + 100):
            ana.send({"type": "ping"})
        assert ana.wait_for("error")["code"] == "too_many"
        assert ana.close_code is None

    def test_a_flood_closes_the_socket(self, server: Server, people: SimpleNamespace, connect: Connect) -> None:
        ana = connect(server, people.ana)
        frame = json.dumps({"type": "ping"})
        try:
            for _ in range(limits.FRAMES_BURST + 4 * limits.FLOOD_FRAMES):
                ana.send(frame)
        except OSError:
            pass  # closed while we were sending
        except Exception as error:
            assert type(error).__name__.startswith("ConnectionClosed")
        assert ana.until_closed() == 4504


PROMISED_SECONDS = 2


@pytest.fixture(scope="module")
def punctual_server(django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = punctual()
    yield running
    running.kill()


def talk(server: Server, people: SimpleNamespace, connect: Connect) -> SimpleNamespace:
    """A call of Ana's and Ben's, and the session that Ana is in it with."""
    session = session_of(people.ana)
    ana, ben = connect(server, people.ana, session=session), connect(server, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    return SimpleNamespace(id=call, ana=ana, ben=ben, session=session)


def ended(call: SimpleNamespace) -> None:
    """It is over for the other side, who is not told why."""
    shown = call.ben.until_call(call.id, "ended")
    assert shown["end_reason"] == "revoked"
    assert not {"by", "actor", "why"} & shown.keys()


class TestNoLongerWelcome:
    """Sockets close, calls end, and the other side is not told why (docs/holding.md): with an installation's own
    times, and when the steward has looked just before."""

    @pytest.fixture
    def call(self, punctual_server: Server, people: SimpleNamespace, connect: Connect) -> SimpleNamespace:
        call = talk(punctual_server, people, connect)
        until_a_tick(call.id)
        return call

    def test_signed_out(self, punctual_server: Server, call: SimpleNamespace) -> None:
        assert sign_out(punctual_server, call.session) == 200
        with within(PROMISED_SECONDS):
            assert call.ana.until_closed() == 4500
            ended(call)

    def test_session_deleted_and_only_that_one(
        self, punctual_server: Server, people: SimpleNamespace, connect: Connect, call: SimpleNamespace
    ) -> None:
        other = connect(punctual_server, people.ana)
        until_a_tick(call.id)
        with within(PROMISED_SECONDS):
            Session.objects.filter(session_key=call.session).delete()
            assert call.ana.until_closed() == 4500
            ended(call)
        other.settle()

    def test_session_expired(self, call: SimpleNamespace) -> None:
        with within(PROMISED_SECONDS):
            Session.objects.filter(session_key=call.session).update(expire_date=now())
            assert call.ana.until_closed() == 4500
            ended(call)

    def test_account_closed(self, people: SimpleNamespace, call: SimpleNamespace) -> None:
        """By a process that the server hears nothing of."""
        with within(PROMISED_SECONDS):
            people.ana.is_active = False
            people.ana.save()
            assert call.ana.until_closed() == 4500
            ended(call)

    def test_blocked_by_the_other_side(self, people: SimpleNamespace, call: SimpleNamespace) -> None:
        with within(PROMISED_SECONDS):
            contacts.set_block(people.ben, people.ana, True)
            ended(call)
            call.ana.until_call(call.id, "ended")
        call.ana.settle()


def test_a_look_at_many_sessions_is_no_more_queries(
    people: SimpleNamespace, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    """The rows and, on PostgreSQL, the clock; of those that are opened, what they say and whom they sign in."""
    sessions = {session_of(each) for each in vars(people).values()}
    with django_assert_max_num_queries(2):
        assert identity.over(sessions, set()) == (set(), set())
    with django_assert_max_num_queries(4):
        assert identity.over(sessions, sessions) == (set(), set())


class TestANewPassword:
    def test_closes_the_sockets_and_ends_the_calls_of_the_sessions_that_had_the_old_one(
        self, server: Server, people: SimpleNamespace, connect: Connect
    ) -> None:
        call = talk(server, people, connect)
        people.ana.set_password("another one")
        people.ana.save()
        assert call.ana.until_closed() == 4500
        ended(call)

    @pytest.mark.slow
    def test_who_changes_their_own_password_stays_in_the_call(
        self, server: Server, people: SimpleNamespace, connect: Connect
    ) -> None:
        people.ana.set_password("copper kettle on monday")
        people.ana.save()
        call = talk(server, people, connect)
        elsewhere = connect(server, people.ana)
        new = "a quite different teapot"
        fields = {"oldpassword": "copper kettle on monday", "password1": new, "password2": new}
        submit(server, "/accounts/password/change/", call.session, **fields)
        # The look that finds the other session over finds that this one goes on, under another key.
        assert elsewhere.until_closed() == 4500
        call.ana.settle()
        assert call.ana.calls[call.id]["state"] == "active"


@pytest.mark.slow
def test_who_is_blocked_and_who_blocks_stay_signed_in(
    server: Server, people: SimpleNamespace, connect: Connect
) -> None:
    call = talk(server, people, connect)
    contacts.set_block(people.ben, people.ana, True)
    ended(call)
    until_ticks(server, 2 * IDENTIFY_TICKS)  # what looks over, it looks at twice
    for side in (call.ana, call.ben):
        side.settle()
