"""What machines are told: whether it lives, whether it can serve, and what it counts."""

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.conftest import Connect
from tests.support.metrics import TOKEN, ask, values
from tests.support.redis import Redis
from tests.support.server import Server
from tests.support.wait import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bus() -> Iterator[Redis]:
    running = Redis().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def watched(bus: Redis, django_db_setup: None, django_db_blocker: object) -> Iterator[Server]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        running = Server(
            REDIS_URL=bus.url,
            EARSHOT_METRICS_TOKEN=TOKEN,
            TURN_URLS="turn:relay.example.org",
            TURN_SECRET="secret",
            EARSHOT_TURN_SECONDS=2,
        ).start()
    yield running
    running.kill()


def test_it_lives_and_can_serve_whatever_name_it_is_asked_by(watched: Server) -> None:
    assert ask(watched, "/healthz", Host="10.0.0.7") == (200, "ok")
    status, text = ask(watched, "/readyz", Host="10.0.0.7")
    assert (status, json.loads(text)) == (200, {"server": "ok", "database": "ok", "redis": "ok"})


def test_without_redis_it_lives_and_cannot_serve(watched: Server, bus: Redis) -> None:
    bus.stop()
    try:
        assert ask(watched, "/healthz") == (200, "ok")
        status, text = ask(watched, "/readyz")
        assert (status, json.loads(text)["redis"]) == (503, "away")
    finally:
        bus.start()
    until(lambda: ask(watched, "/readyz")[0] == 200, "ready again")


class TestMetrics:
    def test_are_for_who_has_the_token(self, hasty_server: Server, watched: Server) -> None:
        assert ask(hasty_server, "/metrics")[0] == 404
        assert ask(watched, "/metrics")[0] == 401
        assert ask(watched, "/metrics", Authorization="Bearer guessed")[0] == 401

    def test_count_what_happens(self, watched: Server, people: SimpleNamespace, connect: Connect) -> None:
        before = values(watched)

        def grown(name: str) -> float:
            return values(watched)[name] - before.get(name, 0)

        ana, ben = connect(watched, people.ana), connect(watched, people.ben)
        assert values(watched)["earshot_sockets of=members"] == 2
        call = ana.place(people.ben.pk)
        until(lambda: values(watched).get("earshot_calls state=ringing") == 1, "a ring")
        ben.command("call.accept", call=call)
        ana.until_call(call, "active")
        assert ana.command("call.accept", call=call)["code"] == "wrong_state"
        ana.peer(call, 1, {"kind": "offer", "sdp": "v=0"})
        ben.wait_for("peer")
        until(lambda: values(watched)["earshot_calls state=active"] == 1, "a call")
        sample = {"ago_ms": 0, "local": "relay", "remote": "host"}
        ben.command("call.quality", call=call, epoch=1, number=1, setup_ms=240, samples=[sample])
        ana.command("call.hang_up", call=call)

        assert grown("earshot_commands_total result=ok type=call.place") == 1
        assert grown("earshot_commands_total result=ok type=call.accept") == 1
        assert grown("earshot_commands_total result=wrong_state type=call.accept") == 1
        assert grown("earshot_peer_messages_total") == 1
        assert grown("earshot_answer_seconds_count") == 1
        assert grown("earshot_setup_seconds_sum") == 0.24
        assert grown("earshot_measured_legs_total route=relay") == 1
        assert grown("earshot_calls_ended_total reason=completed") == 1
        until(lambda: values(watched)["earshot_calls state=active"] == 0, "no call")
        assert grown("earshot_steward_tick_seconds_count") > 0


def test_the_relays_credentials_are_renewed_while_a_call_goes_on(
    watched: Server, people: SimpleNamespace, connect: Connect
) -> None:
    ana, ben, second = (connect(watched, user) for user in (people.ana, people.ben, people.ben))
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    rev = ana.until_call(call, "active")["rev"]
    first = ana.calls[call]["ice_servers"]
    ana.until(lambda: ana.calls[call]["ice_servers"] != first, "new credentials")
    assert ana.calls[call]["rev"] == rev
    second.settle()
    assert all("ice_servers" not in message["call"] for message in second.heard("call"))
