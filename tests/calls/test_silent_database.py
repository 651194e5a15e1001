"""A database that falls silent: it neither answers nor refuses, and then goes on as if nothing had been."""

import signal
from collections.abc import Iterator
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import connection

from tests.conftest import Connect
from tests.support.metrics import TOKEN, values
from tests.support.postgres import frozen
from tests.support.redis import Redis
from tests.support.server import Server, database_url
from tests.support.wait import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="run by tests.support.postgres"),
]

LEASE_SECONDS = 4
GRACE_SECONDS = 3
TICK_SECONDS = 0.4


@pytest.fixture
def pair(people: SimpleNamespace) -> Iterator[tuple[Server, Server]]:
    bus = Redis().start()
    settings = {
        "REDIS_URL": bus.url,
        "EARSHOT_LEG_LEASE_SECONDS": LEASE_SECONDS,
        "EARSHOT_START_GRACE_SECONDS": GRACE_SECONDS,
        "EARSHOT_STEWARD_TICK_SECONDS": TICK_SECONDS,
        "EARSHOT_DEAD_SECONDS": 600,  # these pages do not ping
        "EARSHOT_METRICS_TOKEN": TOKEN,
    }
    servers = Server(**settings), Server(**settings)
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.kill()
    bus.stop()


def ticks(server: Server) -> float:
    return values(server)["earshot_steward_tick_seconds_count"]


def test_who_wakes_first_gives_nobody_up(
    pair: tuple[Server, Server], people: SimpleNamespace, connect: Connect
) -> None:
    """For longer than a lease no process could renew any; the second has not come round to it when the first has."""
    first, second = pair
    ana, ben = connect(second, people.ana), connect(second, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")
    until(lambda: ticks(first) > GRACE_SECONDS / TICK_SECONDS + 1, "the end of its first grace")
    with frozen(database_url(connection.settings_dict)):
        answer = ana.command("call.hang_up", call=call, id="again")  # which takes longer than a lease
        assert (answer["type"], answer["code"]) == ("error", "try_again")
        second.signal(signal.SIGSTOP)
    seen = ticks(first)
    until(lambda: ticks(first) > seen + 2, "ticks")
    second.signal(signal.SIGCONT)
    # Nobody was given up; but what she said has been heard, late.
    assert ben.until_call(call, "ended")["end_reason"] == "completed"
    assert ana.command("call.hang_up", call=call, id="again") == {"type": "ok", "re": "again", "call": call}


def test_a_process_is_told_to_stop_and_does(
    pair: tuple[Server, Server], people: SimpleNamespace, connect: Connect
) -> None:
    server, _ = pair
    waiting = [connect(server, people.sam) for _ in range(6)]
    with frozen(database_url(connection.settings_dict)):
        for client in waiting:
            client.send({"type": "call.decline", "id": "d", "call": str(uuid4())})
            client.settle()
        assert server.terminate() == 0
