"""The steward changes many rows at once, and waits for nobody who is changing one of them: that can be a deadlock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from calls import clock, steward, switchboard
from calls.models import Call, Leg
from tests.support.server import database_url

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="run by tests.support.postgres")


@contextmanager
def being_changed(table: str, key: UUID) -> Iterator[None]:
    """Another process has changed this row and not committed yet. Here nobody waits for it longer than a second."""
    other = psycopg.connect(database_url(connection.settings_dict))
    try:
        other.execute(f"UPDATE {table} SET id = id WHERE id = %s", [key])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            yield
    finally:
        other.rollback()
        other.close()


@pytest.fixture
def legs(people: SimpleNamespace) -> list[Leg]:
    """Two sides of a call, with leases far beyond what a renewal gives."""
    now = clock.now()
    call = Call.objects.create(
        id=uuid4(), kind="voice", state="active", placed_at=now, ring_expires_at=now, answered_at=now
    )
    sides = (("caller", people.ana), ("callee", people.ben))
    lease = {"lease_expires_at": now + timedelta(hours=1)}
    return [Leg.objects.create(call=call, role=role, state="joined", user=user, **lease) for role, user in sides]


def test_a_leg_that_is_being_changed_is_renewed_next_time(legs: list[Leg]) -> None:
    free, busy = legs
    soon = clock.now() + timedelta(seconds=2 * settings.LEG_LEASE_SECONDS)
    with being_changed("calls_leg", busy.pk):
        switchboard.renew_leases([free.pk, busy.pk])
    assert [leg.pk for leg in Leg.objects.filter(lease_expires_at__lt=soon)] == [free.pk]
    switchboard.renew_leases([free.pk, busy.pk])
    assert Leg.objects.filter(lease_expires_at__lt=soon).count() == 2


def test_a_person_who_is_being_changed_is_noted_as_seen_next_time(people: SimpleNamespace) -> None:
    with being_changed("accounts_user", people.ben.pk):
        steward.note_seen({people.ana.pk, people.ben.pk})
    for person in (people.ana, people.ben):
        person.refresh_from_db()
    assert people.ana.last_seen_at is not None
    assert people.ben.last_seen_at is None
