"""The database goes away for a while (DESIGN.md section 6), on a real PostgreSQL that lets nobody in."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest
from django.db import connection

from tests.conftest import Connect
from tests.support.server import Server, database_url
from tests.support.wait import until

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


def test_commands_are_told_to_try_again_peers_go_on_and_nothing_ends(
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
    # Longer away than a lease of this server, and still nobody is given up for lost.
    until(lambda: ben.command("call.alert", call=call)["code"] != "try_again", "the database")
    assert ben.calls[call]["state"] == "active"
    assert ana.command("call.hang_up", call=call, id="again") == {"type": "ok", "re": "again", "call": call}
    assert ben.until_call(call, "ended")["end_reason"] == "completed"
