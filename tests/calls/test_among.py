"""`field__among=values` finds what `field__in` finds, in one query with one parameter."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from accounts.models import User

pytestmark = pytest.mark.django_db

Asked = Callable[[int], AbstractContextManager[object]]


def test_it_finds_those_of_many_thousands_that_there_are(people: SimpleNamespace) -> None:
    others = [uuid4() for _ in range(5000)]
    assert set(User.objects.filter(pk__among=[*others, people.ana.pk, people.ben.pk])) == {people.ana, people.ben}


def test_ids_may_be_text(people: SimpleNamespace) -> None:
    assert list(User.objects.filter(pk__among={str(people.ana.pk)})) == [people.ana]


def test_text_is_compared_as_it_is() -> None:
    for key in ("it's", 'a "quoted" one', "%s", "plain"):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now())
    found = Session.objects.filter(session_key__among=["it's", 'a "quoted" one', "%s", "Plain"])
    assert set(found.values_list("pk", flat=True)) == {"it's", 'a "quoted" one', "%s"}


def test_nothing_is_asked_for_nothing(django_assert_num_queries: Asked) -> None:
    with django_assert_num_queries(0):
        assert not User.objects.filter(pk__among=[])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a table of four rows whole")
def test_it_goes_by_the_index() -> None:
    plan = Session.objects.filter(session_key__among=["a", "b"]).explain()
    assert "SEARCH django_session USING INDEX" in plan
