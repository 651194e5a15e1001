"""Holding the database up, as a slow query of somebody else's does, and seeing who waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from .client import Client
from .wait import until


@contextmanager
def nobody_writes() -> Iterator[None]:
    """Whoever places a call meanwhile waits, and holds a database thread, until this is over. Reading goes on."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("LOCK TABLE calls_call IN EXCLUSIVE MODE")
        else:  # a write of nothing takes the lock, however transactions begin
            cursor.execute("UPDATE calls_call SET rev = rev WHERE FALSE")
        yield


def until_waiting(number: int, client: Client) -> None:
    """Within `nobody_writes`: so many commands wait for it, the last of which `client` has sent.

    On SQLite nobody sees who waits: there the server has at least taken the command and given it to a thread.
    """
    client.settle()
    if connection.vendor == "postgresql":
        until(lambda: _waiting() == number, f"{number} that wait")


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'calls_call'::regclass")
        return int(cursor.fetchone()[0])
