"""What a whole call leaves behind: nothing that its people said, and no key to anything."""

import base64
import hmac
import json
import re
from collections.abc import Iterator
from time import time
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from tests.conftest import Connect
from tests.support.client import Client
from tests.support.people import session_of
from tests.support.server import Server

TURN_SECRET = "the-relay's-secret"
SDP = "v=0\r\no=- 4611 2 IN IP4 192.0.2.77\r\na=ice-pwd:very-secret-password\r\n"
CANDIDATE = "candidate:1 1 udp 2113937151 192.0.2.77 54321 typ host"


@pytest.fixture(scope="module")
def relayed(django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    """A server with a relay, that logs all it can."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = Server(
            TURN_URLS="turn:relay.example.org:3478?transport=udp",
            TURN_SECRET=TURN_SECRET,
            STUN_URLS="stun:relay.example.org:3478",
            EARSHOT_LOG_LEVEL="DEBUG",
        ).start()
    yield running
    running.kill()


def credentials(snapshot: dict) -> list[dict]:
    return [server for server in snapshot.get("ice_servers", []) if "credential" in server]


class TestTurn:
    def test_credentials_go_to_the_two_bound_devices_of_an_active_call_alone(
        self, relayed: Server, people: SimpleNamespace, connect: Connect
    ) -> None:
        ana, ben, second = (connect(relayed, user) for user in (people.ana, people.ben, people.ben))
        call = ana.place(people.ben.pk)
        second.until_call(call, "ringing")
        assert "ice_servers" not in ana.calls[call]
        ben.command("call.accept", call=call)
        for client in (ana, ben, second):
            client.until_call(call, "active")
        assert "ice_servers" not in second.calls[call]
        for client, user in ((ana, people.ana), (ben, people.ben)):
            (given,) = credentials(client.calls[call])
            expiry, name = given["username"].split(":")
            assert name == str(user.pk)
            assert 0 < int(expiry) - time() <= 3600
            digest = hmac.digest(TURN_SECRET.encode(), given["username"].encode(), "sha1")
            assert given["credential"] == base64.b64encode(digest).decode()
        ana.command("call.hang_up", call=call)
        assert "ice_servers" not in ben.until_call(call, "ended")

    def test_the_welcome_has_none(self, relayed: Server, people: SimpleNamespace, connect: Connect) -> None:
        sam = connect(relayed, people.sam)
        assert sam.wait_for("welcome")["ice_servers"] == [{"urls": ["stun:relay.example.org:3478"]}]

    def test_who_hides_their_address_is_told_to_use_the_relay_alone(
        self, relayed: Server, people: SimpleNamespace, connect: Connect
    ) -> None:
        people.ben.hide_address = True
        people.ben.save()
        ana, ben = connect(relayed, people.ana), connect(relayed, people.ben)
        call = ana.place(people.ben.pk)
        ben.command("call.accept", call=call)
        assert "relay_only" not in ana.until_call(call, "active")
        assert ben.until_call(call, "active")["relay_only"] is True


def test_nothing_that_was_said_is_logged_or_stored(relayed: Server, people: SimpleNamespace, connect: Connect) -> None:
    session = session_of(people.ana)
    ana, ben = connect(relayed, people.ana, session=session), connect(relayed, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")
    credential = credentials(ana.calls[call])[0]["credential"]
    ana.peer(call, 1, {"kind": "offer", "sdp": SDP})
    ana.peer(call, 2, {"kind": "candidate", "candidate": CANDIDATE, "sdpMid": "0"})
    ben.until(lambda: len(ben.heard("peer")) == 2)
    ana.send({"type": "peer", "call": call, "body": {"kind": "offer", "sdp": SDP}})  # malformed: refused, not logged
    ana.send(json.dumps({"type": "hello", "sdp": SDP}))
    ana.settle()
    ana.command("call.hang_up", call=call)
    ben.until_call(call, "ended")
    kept = relayed.log() + _every_stored_text()
    assert len(kept) > 1000
    for secret in ("192.0.2.77", "very-secret-password", credential, TURN_SECRET):
        assert secret not in kept
    assert session not in relayed.log()
    assert not re.search(r"candidate:\d", kept)


def _every_stored_text() -> str:
    """All rows of all tables of ours, and of Django's but the sessions themselves."""
    texts = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            texts.append(repr(cursor.fetchall()))
    return "\n".join(texts)


def test_the_two_exchange_is_over_with_the_call(ana: Client, ben: Client, active: str) -> None:
    ana.command("call.hang_up", call=active)
    ben.until_call(active, "ended")
    ana.peer(active, 1, {"kind": "offer", "sdp": SDP})
    ana.settle()
    ben.settle()
    assert ben.heard("peer") == []
