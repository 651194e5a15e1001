"""The admin's pages on 100,000 made-up calls, against plain counts; and no table is read whole."""

import asyncio
import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import AutoField, DateTimeField, Model
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import User
from calls import charts, overview, overview_charts, steward
from calls.admin_paging import COUNT_MAX
from calls.core.vocabulary import EndReason
from calls.models import Call, Leg, LegQuality
from calls.office import live_calls
from tests.support.server import Server

COUNT = 100_000
PEOPLE = 300
COPIES = "4567890abc"  # the version digit of the ids: 4 are made up, the others are copies of them
SQL = {
    "sqlite": {
        "version": "substr({}, 13, 1)",
        "other": "substr({0}, 1, 12) || '{1}' || substr({0}, 14)",
        "earlier": "datetime({}, '-{} minutes')",
    },
    "postgresql": {
        "version": "substr({}::text, 15, 1)",
        "other": "overlay({}::text placing '{}' from 15)::uuid",
        "earlier": "{} - interval '{} minutes'",
    },
}[connection.vendor]
LOG = "/admin/calls/call/"

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


class Fact:
    """One call as plain values."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)
        self.handles: set[str] = set()
        self.names: set[str] = set()
        self.failure = ""
        self.with_guest = False
        self.words: set[str] = set()
        self.routes: set[str] = set()


@pytest.fixture(scope="module")
def facts(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[Fact]]:
    """100,000 calls in the database for this module, and the same as plain values."""
    with django_db_blocker.unblock():
        names = ["Mira Okafor", *(f"Person {number}" for number in range(PEOPLE))]
        User.objects.bulk_create(
            User(name=name, handle=f"p{number}", email=f"p{number}@example.org") for number, name in enumerate(names)
        )
        call_command("generate_calls", COUNT // len(COPIES), told=50, days=400, seed=7, stdout=StringIO())
        with connection.cursor() as cursor:
            for earlier, digit in enumerate(COPIES):
                for table in (Call, Leg, LegQuality) if earlier else ():
                    cursor.execute(copying(table, digit, 37 * earlier))
            cursor.execute("ANALYZE")
        with pytest.MonkeyPatch.context() as patch:
            # Who only reads breaks no constraint, and to be sure SQLite would read every row after every test.
            patch.setattr(connection.features, "can_defer_constraint_checks", False)
            yield list(read().values())
        call_command("flush", interactive=False, verbosity=0)


def copying(table: type[Model], digit: str, minutes: int) -> str:
    """SQL that copies what was made up to so many minutes before: the database does it ten times as fast as Python."""
    columns: dict[str, str] = {}
    for field in table._meta.concrete_fields:
        name = field.attname
        if isinstance(field, AutoField):
            continue
        if name in ("id", "call_id", "leg_id"):
            columns[name] = SQL["other"].format(name, digit)
        else:
            columns[name] = SQL["earlier"].format(name, minutes) if isinstance(field, DateTimeField) else name
    made_up = SQL["version"].format("id" if table is not LegQuality else "call_id")
    return (
        f"INSERT INTO {table._meta.db_table} ({', '.join(columns)}) "
        f"SELECT {', '.join(columns.values())} FROM {table._meta.db_table} WHERE {made_up} = '{COPIES[0]}'"
    )


def read() -> dict[UUID, Fact]:
    found = {row["id"]: Fact(row) for row in Call.objects.values()}
    legs = Leg.objects.values_list("call_id", "user__handle", "user__name", "guest__name", "failure")
    for call, handle, name, guest, failure in legs.iterator():
        fact = found[call]
        fact.handles.add(handle)
        fact.names.add(name or guest)
        fact.with_guest |= guest is not None
        fact.failure = fact.failure or failure
    for call, word, route in LegQuality.objects.values_list("call_id", "quality", "route").iterator():
        found[call].words.add(word)
        found[call].routes.add(route)
    return found


@pytest.fixture
def office(server: Server, facts: list[Fact]) -> Browser:
    boss = User.objects.create_superuser("boss", "boss@example.org", None, name="Bea Boss")
    browser = Browser()
    browser.force_login(boss)
    return browser


def day(text: str) -> datetime:
    return timezone.make_aware(datetime.fromisoformat(text))


def recently(days: int) -> str:
    return (timezone.now() - timedelta(days=days)).date().isoformat()


LAST_WEEK, LAST_MONTH = recently(7), recently(30)
MONTH_DAY = timezone.now() - timedelta(days=40)

FILTERS: dict[str, Callable[[Fact], bool]] = {
    "state=ended": lambda call: call.state == "ended",
    "kind__exact=voice": lambda call: call.kind == "voice",
    **{f"end_reason__exact={reason}": lambda call, r=reason: call.end_reason == r for reason in EndReason},
    "guest=yes": lambda call: call.with_guest,
    "guest=no": lambda call: not call.with_guest,
    "length=none": lambda call: call.answered_at is None,
    "length=short": lambda call: call.talked_seconds is not None and call.talked_seconds < 60,
    "length=medium": lambda call: 60 <= (call.talked_seconds or 0) < 600,
    "length=long": lambda call: 600 <= (call.talked_seconds or 0) < 3600,
    "length=very_long": lambda call: (call.talked_seconds or 0) >= 3600,
    "quality=good": lambda call: call.words == {"good"},
    "quality=fair": lambda call: "fair" in call.words and "poor" not in call.words,
    "quality=poor": lambda call: "poor" in call.words,
    "quality=none": lambda call: not call.words,
    "route=direct": lambda call: call.routes == {"direct"},
    "route=relay": lambda call: "relay" in call.routes,
    "failed=ice": lambda call: call.failure == "ice",
    "failed=turn": lambda call: call.failure == "turn",
    f"since={LAST_WEEK}": lambda call: call.placed_at >= day(LAST_WEEK),
    f"until={LAST_MONTH}": lambda call: call.placed_at < day(LAST_MONTH) + timedelta(days=1),
    "link=interview": lambda call: call.with_guest,
    "q=okafor": lambda call: any("Okafor" in name for name in call.names),
    "q=gwen": lambda call: "Gwen Okoye" in call.names,
    "q=nobody+at+all": lambda call: False,
    "person=nobody": lambda call: False,
    f"placed_at__year={MONTH_DAY.year}&placed_at__month={MONTH_DAY.month}": lambda call: (
        (call.placed_at.year, call.placed_at.month) == (MONTH_DAY.year, MONTH_DAY.month)
    ),
    f"length=long&route=relay&kind__exact=video&since={LAST_MONTH}": lambda call: (
        600 <= (call.talked_seconds or 0) < 3600
        and "relay" in call.routes
        and call.kind == "video"
        and call.placed_at >= day(LAST_MONTH)
    ),
}


@pytest.mark.parametrize("query", FILTERS)
def test_each_filter_finds_what_a_plain_count_finds(office: Browser, facts: list[Fact], query: str) -> None:
    wanted = {call.id for call in facts if FILTERS[query](call)}
    assert wanted or query in ("q=nobody+at+all", "person=nobody"), "a filter that finds nothing shows nothing"
    shown = office.get(f"{LOG}?{query}").context["cl"]
    assert set(shown.queryset.values_list("pk", flat=True)) == wanted
    assert shown.result_count == min(len(wanted), COUNT_MAX)


def test_by_person(office: Browser, facts: list[Fact]) -> None:
    handle = User.objects.get(name="Mira Okafor").handle
    shown = office.get(f"{LOG}?person=@{handle.upper()}").context["cl"]
    assert set(shown.queryset.values_list("pk", flat=True)) == {call.id for call in facts if handle in call.handles}


def sweep() -> None:
    steward.sweep(timezone.now())


class TestNothingIsReadWhole:
    """A page costs as much with a million calls as with a thousand."""

    QUERIES = (
        "",
        "end_reason__exact=lost",
        "person={handle}",
        "failed=turn",
        f"since={LAST_WEEK}",
        "state=active",
    )

    @pytest.mark.parametrize("query", QUERIES)
    def test_the_list_goes_by_an_index(self, office: Browser, query: str) -> None:
        handle = User.objects.get(name="Mira Okafor").handle
        with CaptureQueriesContext(connection) as context:
            office.get(f"{LOG}?{query.format(handle=handle)}")
        about_calls = [each["sql"] for each in context if 'FROM "calls_call"' in each["sql"]]
        assert about_calls
        for sql in about_calls:
            assert not whole_table(sql), sql

    def test_no_count_goes_over_the_whole_table(self, office: Browser) -> None:
        with CaptureQueriesContext(connection) as context:
            office.get(LOG)
        counts = [each["sql"] for each in context if "COUNT(" in each["sql"]]
        assert counts
        assert all(f"LIMIT {COUNT_MAX}" in sql for sql in counts)

    def test_the_drill_down_asks_only_for_the_ends(self, office: Browser) -> None:
        with CaptureQueriesContext(connection) as context:
            page = office.get(LOG).content.decode()
        assert not any("DISTINCT" in each["sql"] and "placed_at" in each["sql"] for each in context)
        years = re.findall(r'<a href="\?placed_at__year=(\d+)">', page)
        assert years == sorted(
            {
                str(call_year)
                for call_year in Call.objects.dates("placed_at", "year").values_list("placed_at__year", flat=True)
            }
        )

    def test_it_takes_as_many_queries_as_ever(self, office: Browser, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(15):
            office.get(LOG)

    def test_and_says_that_there_is_more(self, office: Browser) -> None:
        assert f"the newest {COUNT_MAX} are shown" in " ".join(
            office.get(LOG).content.decode().replace(",", "").split()
        )

    @pytest.mark.parametrize("work", [sweep, live_calls])
    def test_what_is_live_is_found_by_the_small_index(self, facts: list[Fact], work: Callable[[], object]) -> None:
        """The steward looks every second."""
        with CaptureQueriesContext(connection) as context:
            work()
        about_calls = [each["sql"] for each in context if 'FROM "calls_call"' in each["sql"]]
        assert about_calls
        for sql in about_calls:
            assert any("call_live" in line for line in plan(sql)), sql


def whole_table(sql: str) -> bool:
    """Whether the database reads every row of the calls for this, by its own account."""
    return any(re.match(r"SCAN calls_call(?! USING)|.*Seq Scan on calls_call", line) for line in plan(sql))


def plan(sql: str) -> list[str]:
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if not sqlite:
            # A hundred thousand rows are so few to PostgreSQL that it may read them all; could it do without?
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{sql}")
        return [str(row[3] if sqlite else row[0]) for row in cursor.fetchall()]


class TestDrillDown:
    def test_goes_from_years_to_days_and_back(self, office: Browser, facts: list[Fact]) -> None:
        newest = max(call.placed_at for call in facts)
        year, month, at = newest.year, newest.month, newest.day
        months = office.get(f"{LOG}?placed_at__year={year}").content.decode()
        assert f"?placed_at__month={month}&amp;placed_at__year={year}" in months
        assert "All dates" in months
        days = office.get(f"{LOG}?placed_at__year={year}&placed_at__month={month}").content.decode()
        assert f"placed_at__day={at}&amp;" in days
        assert f"placed_at__day={at + 1}&amp;" not in days
        one = office.get(f"{LOG}?placed_at__year={year}&placed_at__month={month}&placed_at__day={at}").context["cl"]
        assert set(one.queryset.values_list("pk", flat=True)) == {
            call.id for call in facts if call.placed_at.date() == newest.date()
        }


def content(answer: Any) -> bytes:
    async def all_of_it() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return asyncio.run(all_of_it())


class TestExports:
    @pytest.mark.parametrize("query", ["", "quality=fair"])
    def test_csv_has_every_call_once(self, office: Browser, facts: list[Fact], query: str) -> None:
        answer = office.get(f"{LOG}export.csv?{query}")
        rows = list(csv.DictReader(StringIO(content(answer).decode())))
        wanted = [call for call in facts if not query or FILTERS[query](call)]
        assert {row["id"] for row in rows} == {str(call.id) for call in wanted}
        assert len(rows) == len(wanted)
        assert Counter(row["end_reason"] for row in rows) == Counter(call.end_reason for call in wanted)
        assert sum(int(row["seconds"] or 0) for row in rows) == sum(call.talked_seconds or 0 for call in wanted)

    def test_json_and_xlsx_too(self, office: Browser, facts: list[Fact]) -> None:
        wanted = {str(call.id) for call in facts if call.with_guest}
        as_json = json.loads(content(office.get(f"{LOG}export.json?guest=yes")))
        assert {row["id"] for row in as_json} == wanted
        sheet = load_workbook(BytesIO(content(office.get(f"{LOG}export.xlsx?guest=yes"))), read_only=True).active
        header, *rows = sheet.iter_rows(values_only=True)
        assert {row[header.index("id")] for row in rows} == wanted


class TestOverview:
    @pytest.mark.parametrize("days", overview.PERIODS)
    def test_its_numbers_are_those_of_a_plain_count(self, facts: list[Fact], days: int) -> None:
        shown = overview.of(days)
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        start = hour - timedelta(hours=23) if days == 1 else hour.replace(hour=0) - timedelta(days=days - 1)
        within = [call for call in facts if call.placed_at >= start]
        failed = [call for call in within if call.end_reason == "failed"]
        answered = [call for call in within if call.answered_at and call.end_reason != "failed"]
        assert (shown.placed, shown.answered, shown.failed) == (len(within), len(answered), len(failed))
        assert shown.unanswered == len(within) - len(answered) - len(failed)
        talked = sum(call.talked_seconds or 0 for call in within if call.end_reason != "failed")
        assert shown.talked == timedelta(seconds=talked)
        assert dict(shown.reasons) == Counter(call.end_reason for call in within)
        assert dict(shown.stages) == Counter(call.failure for call in failed)
        assert Counter(dict(enumerate(shown.hours))) == Counter(call.placed_at.hour for call in within)
        assert shown.people == len({handle for call in within for handle in call.handles if handle})
        by_day = Counter(call.placed_at.astimezone(UTC).strftime("%H:00" if days == 1 else "%-d %b") for call in within)
        assert {
            column.label.replace("Sept", "Sep"): column.placed for column in shown.columns if column.placed
        } == by_day
        assert len(shown.columns) == (24 if days == 1 else days)
        sides = LegQuality.objects.filter(placed_at__gte=start)
        assert shown.qualities == Counter(sides.values_list("quality", flat=True))
        assert shown.routes == Counter(sides.values_list("route", flat=True))

    @pytest.mark.parametrize("days", overview.PERIODS)
    def test_each_chart_draws_what_its_table_says(self, facts: list[Fact], days: int) -> None:
        for chart in overview_charts.of(overview.of(days)):
            table = sum(value or 0 for row in chart.rows for value in row.values)
            if chart.paths:
                drawn = sum(len(re.findall("[ML]", path)) for _name, path in chart.paths)
                assert drawn == sum(value is not None for row in chart.rows for value in row.values)
            else:
                assert sum(bar.value for bar in chart.bars) == table, chart.title

    def test_the_page_shows_charts_and_tables(self, office: Browser, facts: list[Fact]) -> None:
        answer = office.get(f"{LOG}overview/?days=30")
        page = answer.content.decode()
        shown: list[charts.Chart] = answer.context["charts"]
        assert page.count("<figure") == page.count("<svg viewBox") == page.count("As a table") == len(shown)
        for chart in shown:
            for row in chart.rows:
                cells = "".join(f"<td>{'–' if value is None else value}</td>" for value in row.values)
                assert f'<th scope="row">{row.label}</th>{cells}' in page
        assert "http" not in re.sub(r'http://testserver\S*|"http://www.w3.org[^"]*"', "", page.split("<body")[1])

    @pytest.mark.parametrize("days", ["", "0", "8", "-1", "soon", "99999999999"])
    def test_a_period_that_is_none_is_a_week(self, office: Browser, days: str) -> None:
        assert office.get(f"{LOG}overview/?days={days}").context["overview"].days == 7
