"""The one clock that deadlines are set by and compared with.

With PostgreSQL it is the database's, so that two servers whose clocks disagree still agree on every deadline.
SQLite lives on one host, whose clock it is.
"""

from datetime import date, datetime, time

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """Read once per act, inside its transaction. Aware, UTC."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        # Not now(): that is when the transaction began, which may have waited long for the row's lock.
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    return moment  # type: ignore[no-any-return]


def midnight(day: date) -> datetime:
    """When this day begins for the reader of the page."""
    return timezone.make_aware(datetime.combine(day, time.min))
