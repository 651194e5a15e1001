"""The admin's call log: filters against a plain count, exports read back, and that looking is noted."""

import asyncio
import csv
import json
import random
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser
from openpyxl import load_workbook

from accounts.models import User
from calls import call_export, links
from calls.core.vocabulary import CallState, EndReason, Kind, LegState, Role
from calls.models import Call, Guest, Leg
from tests.support.server import Server

LOG = "/admin/calls/call/"
DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def calls(people: SimpleNamespace) -> list[Call]:
    """A few hundred calls of all kinds, the same each time."""
    chance = random.Random(7)
    link = links.make(people.ana, title="Interview")
    guest = Guest.objects.create(link=link, name="=Gwen()", entered_at=DAY)
    rows, legs = [], []
    for number in range(300):
        placed = DAY + timedelta(hours=3 * number)
        talked = chance.choice([None, 5, 60, 300, 600, 1800, 3600, 9000])
        call = Call(
            id=UUID(int=number + 1),
            kind=chance.choice(list(Kind)),
            state=CallState.ENDED,
            placed_at=placed,
            ring_expires_at=placed + timedelta(minutes=1),
            answered_at=placed if talked else None,
            ended_at=placed + timedelta(seconds=talked or 20),
            talked_seconds=talked,
            end_reason=EndReason.COMPLETED if talked else chance.choice([EndReason.MISSED, EndReason.DECLINED]),
        )
        caller, callee = chance.sample([people.ana, people.ben, people.chen], 2)
        with_guest = number % 10 == 0
        mine = {"guest": guest} if with_guest else {"user": caller}
        rows.append(call)
        legs.append(Leg(call=call, role=Role.CALLER, state=LegState.LEFT, **mine))
        legs.append(Leg(call=call, role=Role.CALLEE, state=LegState.LEFT, user=people.ana if with_guest else callee))
    Call.objects.bulk_create(rows)
    Leg.objects.bulk_create(legs)
    return list(Call.objects.prefetch_related("legs__user", "legs__guest"))


@pytest.fixture
def office(server: Server, people: SimpleNamespace) -> Browser:
    """The admin's browser. The server has collected the static files that its pages name."""
    people.sam.is_staff = people.sam.is_superuser = True
    people.sam.save()
    browser = Browser()
    browser.force_login(people.sam)
    return browser


def talked(call: Call) -> timedelta:
    return call.ended_at - call.answered_at if call.answered_at and call.ended_at else timedelta(-1)


def has(call: Call, user: User) -> bool:
    return any(leg.user == user for leg in call.legs.all())


def is_of_guest(call: Call) -> bool:
    return any(leg.guest for leg in call.legs.all())


def content(answer: object) -> bytes:
    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return asyncio.run(read())


FILTERS = {
    "kind__exact=voice": lambda call, people: call.kind == "voice",
    "end_reason__exact=missed": lambda call, people: call.end_reason == "missed",
    "guest=yes": lambda call, people: is_of_guest(call),
    "guest=no": lambda call, people: not is_of_guest(call),
    "length=none": lambda call, people: call.answered_at is None,
    "length=short": lambda call, people: timedelta() <= talked(call) < timedelta(minutes=1),
    "length=medium": lambda call, people: timedelta(minutes=1) <= talked(call) < timedelta(minutes=10),
    "length=long": lambda call, people: timedelta(minutes=10) <= talked(call) < timedelta(hours=1),
    "length=very_long": lambda call, people: talked(call) >= timedelta(hours=1),
    "since=2026-03-20": lambda call, people: call.placed_at >= datetime(2026, 3, 20, tzinfo=UTC),
    "until=2026-03-20": lambda call, people: call.placed_at < datetime(2026, 3, 21, tzinfo=UTC),
    "person=@Ben": lambda call, people: has(call, people.ben),
    "person=nobody": lambda call, people: False,
    "link=interv": lambda call, people: is_of_guest(call),
    "q=Chen": lambda call, people: has(call, people.chen),
    "person=ana&length=long&since=2026-03-10": lambda call, people: (
        has(call, people.ana)
        and timedelta(minutes=10) <= talked(call) < timedelta(hours=1)
        and call.placed_at >= datetime(2026, 3, 10, tzinfo=UTC)
    ),
}


@pytest.mark.parametrize("query", FILTERS)
def test_each_filter_finds_what_a_plain_count_finds(
    office: Browser, people: SimpleNamespace, calls: list[Call], query: str
) -> None:
    wanted = {call.pk for call in calls if FILTERS[query](call, people)}
    shown = office.get(f"{LOG}?{query}").context["cl"]
    assert set(shown.queryset.values_list("pk", flat=True)) == wanted
    exported = json.loads(content(office.get(f"{LOG}export.json?{query}")))
    assert {UUID(row["id"]) for row in exported} == wanted


@pytest.mark.parametrize("query", ["since=soon", "until=2026-02-31", "length=enormous", "guest=maybe"])
def test_a_filter_that_means_nothing_filters_nothing(office: Browser, calls: list[Call], query: str) -> None:
    assert office.get(f"{LOG}?{query}", follow=True).context["cl"].queryset.count() == len(calls)


class TestExport:
    def test_the_three_forms_say_the_same(self, office: Browser, calls: list[Call]) -> None:
        as_json = json.loads(content(office.get(f"{LOG}export.json")))
        as_csv = list(csv.DictReader(StringIO(content(office.get(f"{LOG}export.csv")).decode())))
        sheet = load_workbook(BytesIO(content(office.get(f"{LOG}export.xlsx")))).active
        header, *rows = sheet.iter_rows(values_only=True)
        as_xlsx = [dict(zip(header, row, strict=True)) for row in rows]
        assert len(as_json) == len(as_csv) == len(as_xlsx) == len(calls)
        for plain, text, cells in zip(as_json, as_csv, as_xlsx, strict=True):
            assert tuple(plain) == tuple(text) == tuple(cells) == call_export.COLUMNS
            assert plain["id"] == text["id"] == cells["id"]
            assert plain["seconds"] == (int(text["seconds"]) if text["seconds"] else None) == cells["seconds"]

    def test_no_cell_is_a_formula(self, office: Browser, calls: list[Call]) -> None:
        rows = list(csv.DictReader(StringIO(content(office.get(f"{LOG}export.csv?guest=yes")).decode())))
        assert {row["caller"] for row in rows} == {"'=Gwen() (guest)"}
        sheet = load_workbook(BytesIO(content(office.get(f"{LOG}export.xlsx?guest=yes")))).active
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)

    def test_a_name_with_control_characters_breaks_none(self, office: Browser, calls: list[Call]) -> None:
        Guest.objects.update(name="Eve\x08\x0c")
        rows = [list(row) for row in load_workbook(BytesIO(content(office.get(f"{LOG}export.xlsx")))).active.values]
        assert len(rows) == len(calls) + 1
        assert "Eve (guest)" in rows[-1]

    def test_an_empty_one_is_whole(self, office: Browser, people: SimpleNamespace) -> None:
        assert json.loads(content(office.get(f"{LOG}export.json"))) == []
        assert content(office.get(f"{LOG}export.csv")).decode().strip() == ",".join(call_export.COLUMNS)

    def test_a_form_that_is_none_is_not_found(self, office: Browser) -> None:
        assert office.get(f"{LOG}export.exe").status_code == 404

    @pytest.mark.parametrize("query", ["placed_at__year=abc", "nothing=here"])
    def test_a_filter_that_cannot_be_leads_to_the_list(self, office: Browser, calls: list[Call], query: str) -> None:
        shown, answer = office.get(f"{LOG}?{query}"), office.get(f"{LOG}export.csv?{query}")
        assert (answer.status_code, answer.url) == (shown.status_code, shown.url) == (302, f"{LOG}?e=1")
        assert not LogEntry.objects.exists()

    def test_is_for_admins_alone(self, server: Server, people: SimpleNamespace, calls: list[Call]) -> None:
        browser = Browser()
        for form in ("csv", "xlsx", "json"):
            assert browser.get(f"{LOG}export.{form}").status_code == 302
        browser.force_login(people.ana)
        assert browser.get(f"{LOG}export.csv").status_code in (302, 403)
        people.ana.is_staff = True  # an admin without the right to see calls
        people.ana.save()
        assert browser.get(f"{LOG}export.csv").status_code == 403


def test_who_looked_is_noted(office: Browser, people: SimpleNamespace, calls: list[Call]) -> None:
    office.get(f"{LOG}{calls[0].pk}/change/")
    office.get(f"{LOG}export.csv?guest=yes&q=Ada+Bront%C3%AB")
    notes = LogEntry.objects.filter(user=people.sam).order_by("pk").values_list("object_id", "change_message")
    assert list(notes) == [(str(calls[0].pk), "Looked at"), (None, "Exported as csv: guest=yes, q=Ada Brontë")]


def test_many_calls_cost_the_list_no_more_queries_than_few(
    office: Browser, calls: list[Call], django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(15):  # type: ignore[operator]
        office.get(LOG)
