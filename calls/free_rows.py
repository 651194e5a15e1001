"""Changing many rows at once without waiting for anybody.

A bulk update locks its rows in no order. While an act holds one leg of a call and wants the other, and the update the
other way round, PostgreSQL kills one of the two: a command would be answered with `try_again`, or a tick would fail.
"""

from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet


def lock_free(rows: QuerySet[Any]) -> list[UUID]:
    """The keys of those that nobody is changing now, locked until the transaction ends; SQLite locks everything."""
    model: type[Model] = rows.model
    free = rows.select_for_update(skip_locked=True, of=("self",), no_key=True)
    return [row.pk for row in free.only(model._meta.pk.name)]
