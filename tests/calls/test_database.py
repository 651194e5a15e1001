"""The database goes away for a while (docs/holding.md), on a real PostgreSQL that lets nobody in."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import SimpleNamespace

import psycopg
import pytest
from django.db import connection
from django.utils.timezone import now

from calls.models import Call, Leg
from tests.conftest import Connect
from tests.support.metrics import TOKEN, until_ticks, values
from tests.support.redis import Redis
from tests.support.server import Server, database_url
from tests.support.wait import until

# Of the two servers. A process that recovers has so long to find it, and the other to come back.
GRACE_SECONDS = 12
LEASE_SECONDS = 5

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="run by tests.support.postgres")


@contextmanager
def away() -> Iterator[None]:
    """Nobody is connected to the test database, and nobody gets in."""
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.close_pool()
    keeper = psycopg.connect(database_url({**connection.settings_dict, "NAME": "postgres"}), autocommit=True)
    try:
        keeper.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        keeper.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
    finally:
        keeper.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        keeper.close()


def test_commands_are_told_to_try_again_and_peers_go_on(
    hasty_server: Server, people: SimpleNamespace, connect: Connect
) -> None:
    ana, ben = connect(hasty_server, people.ana), connect(hasty_server, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")
    with away():
        answer = ana.command("call.hang_up", call=call, id="again")
        assert (answer["type"], answer["code"]) == ("error", "try_again")
        ana.peer(call, 1, {"kind": "media", "microphone": False, "camera": True})
        ben.until(lambda: ben.heard("peer"))
    until(lambda: ben.command("call.alert", call=call)["code"] != "try_again", "the database")
    assert ana.command("call.hang_up", call=call, id="again") == {"type": "ok", "re": "again", "call": call}
    assert ben.until_call(call, "ended")["end_reason"] == "completed"


@pytest.fixture
def pair(alone: None, people: SimpleNamespace) -> Iterator[tuple[Server, Server]]:
    bus = Redis().start()
    environment = {
        "REDIS_URL": bus.url,
        "EARSHOT_METRICS_TOKEN": TOKEN,
        "EARSHOT_LEG_LEASE_SECONDS": LEASE_SECONDS,
        "EARSHOT_START_GRACE_SECONDS": GRACE_SECONDS,
    }
    servers = (Server(**environment).start(), Server(**environment).start())
    yield servers
    for server in servers:
        server.kill()
    bus.stop()


@pytest.mark.slow
def test_who_recovers_first_gives_nobody_up_whose_process_is_not_back_yet(
    pair: tuple[Server, Server], people: SimpleNamespace, connect: Connect
) -> None:
    first, second = pair
    spared_at_start_until = monotonic() + GRACE_SECONDS
    ana, ben = connect(second, people.ana), connect(second, people.ben)
    call = ana.place(people.ben.pk)
    ben.command("call.accept", call=call)
    ana.until_call(call, "active")
    leases = Leg.objects.filter(call=call)
    with second.paused():
        over = max(leases.values_list("lease_expires_at", flat=True))
        with away():
            until(lambda: values(first)["earshot_steward_failed_ticks_total"] > 0, "a tick that failed")
            # From here on it is the outage alone for which they are spared.
            until(lambda: now() > over and monotonic() > spared_at_start_until, "the end of the leases")
        until_ticks(first, 2)
        assert Call.objects.get(pk=call).state == "active"
        assert not leases.filter(lease_expires_at__gt=now()).exists()
    until(lambda: leases.filter(lease_expires_at__gt=now()).count() == 2, "new leases")
    ana.peer(call, 1, {"kind": "media", "microphone": True, "camera": True})
    ben.wait_for("peer")
    assert Call.objects.get(pk=call).state == "active"
