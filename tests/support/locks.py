"""Holding the database up, as a slow query of somebody else's does."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def nobody_writes() -> Iterator[None]:
    """Whoever places a call meanwhile waits, and holds a database thread, until this is over. Reading goes on."""
    with transaction.atomic(), connection.cursor() as cursor:  # on SQLite this alone takes the lock
        if connection.vendor == "postgresql":
            cursor.execute("LOCK TABLE calls_call IN EXCLUSIVE MODE")
        yield
