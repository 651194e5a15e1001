"""What went on in the last days, in numbers: each a handful of grouped queries over the period."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncHour
from django.utils import timezone
from django.utils.formats import date_format

from . import clock
from .core.vocabulary import CallState, EndReason, Route
from .models import Call, Leg, LegQuality

PERIODS = (1, 7, 30, 90)
"""Days that one may ask for; one day is shown by the hour."""

FAILED = Q(end_reason=EndReason.FAILED)
ANSWERED = Q(answered_at__isnull=False) & ~FAILED
CONNECTED = ~FAILED | ~Q(route="")
UNANSWERED = Q(answered_at=None, state=CallState.ENDED) & ~FAILED


@dataclass(frozen=True, slots=True)
class Column:
    """Calls that were placed within one hour or on one day. `mos` is the mean of their sides, if any was measured."""

    label: str
    placed: int = 0
    answered: int = 0
    unanswered: int = 0
    failed: int = 0
    talked: timedelta = timedelta()
    mos: float | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """`columns` cover the period without gaps; `hours` are the 24 of the day.

    `reasons` and `stages` count calls by how they ended and by where they failed, most first; `qualities` and `routes`
    count the sides that measured; `people` and `guests` took part.
    """

    days: int
    columns: list[Column]
    hours: list[int]
    reasons: list[tuple[EndReason, int]]
    stages: list[tuple[str, int]]
    qualities: dict[str, int]
    routes: dict[str, int]
    people: int
    guests: int

    @property
    def placed(self) -> int:
        return sum(column.placed for column in self.columns)

    @property
    def answered(self) -> int:
        return sum(column.answered for column in self.columns)

    @property
    def unanswered(self) -> int:
        return sum(column.unanswered for column in self.columns)

    @property
    def failed(self) -> int:
        return sum(column.failed for column in self.columns)

    @property
    def measured(self) -> int:
        """The sides whose route is known."""
        return sum(self.routes.values())

    @property
    def relayed(self) -> int:
        return self.routes.get(Route.RELAY, 0)

    @property
    def talked(self) -> timedelta:
        return sum((column.talked for column in self.columns), timedelta())


def of(days: int) -> Overview:
    """The last `days` days up to now, or for one day the last 24 hours; in the reader's time zone."""
    starts = _starts(days)
    calls = Call.objects.filter(placed_at__gte=starts[0])
    legs = Leg.objects.filter(call__in=calls, hidden=False)
    measured = LegQuality.objects.filter(placed_at__gte=starts[0])
    hours = _by_hour(calls)
    return Overview(
        days=days,
        columns=_columns(hours, measured, starts, by_hour=days == 1),
        hours=_of_the_day(hours),
        reasons=_counted(calls.filter(state=CallState.ENDED), "end_reason"),
        stages=_counted(Leg.objects.exclude(failure="").filter(call__placed_at__gte=starts[0]), "failure"),
        qualities=dict(_counted(measured.exclude(quality=""), "quality")),
        routes=dict(_counted(measured.exclude(route=""), "route")),
        people=legs.exclude(user=None).values("user").distinct().count(),
        guests=legs.exclude(guest=None).values("guest").distinct().count(),
    )


def _starts(days: int) -> list[datetime]:
    """When each column begins, oldest first."""
    now = timezone.localtime(clock.now())
    if days == 1:
        hour = now.replace(minute=0, second=0, microsecond=0)
        # In UTC, where no hour is skipped or comes twice.
        return [timezone.localtime(hour.astimezone(UTC) - timedelta(hours=ago)) for ago in reversed(range(24))]
    today = now.date()
    return [clock.midnight(today - timedelta(days=ago)) for ago in reversed(range(days))]


def _by_hour(calls: QuerySet[Call]) -> dict[datetime, dict[str, Any]]:
    """What was placed in each hour: days and hours of the day are sums of these, and time zones cost once a row."""
    hours = calls.annotate(hour=TruncHour("placed_at")).values("hour").order_by("hour")
    counted: Iterable[Any] = hours.annotate(
        placed=Count("pk"),
        answered=Count("pk", filter=ANSWERED),
        unanswered=Count("pk", filter=UNANSWERED),
        failed=Count("pk", filter=FAILED),
        talked=Sum("talked_seconds", filter=CONNECTED, default=0),
    )
    return {row.pop("hour"): row for row in counted}


def _columns(
    hours: dict[datetime, dict[str, Any]], measured: QuerySet[LegQuality], starts: list[datetime], *, by_hour: bool
) -> list[Column]:
    sums: dict[datetime, Counter[str]] = defaultdict(Counter)
    for hour, row in hours.items():
        sums[hour if by_hour else clock.midnight(hour.date())].update(row)
    bucket = (TruncHour if by_hour else TruncDay)("placed_at")
    scores = measured.annotate(bucket=bucket).values("bucket").order_by("bucket").annotate(score=Avg("mos"))
    by_start = {row["bucket"]: row["score"] for row in scores}
    return [_column(start, sums[start], by_start.get(start), by_hour) for start in starts]


def _column(start: datetime, row: Counter[str], score: float | None, by_hour: bool) -> Column:
    names = ("placed", "answered", "unanswered", "failed")
    return Column(
        label=date_format(start, "H:i" if by_hour else "j M"),
        talked=timedelta(seconds=row["talked"]),
        mos=round(score, 2) if score is not None else None,
        **{name: row[name] for name in names},
    )


def _of_the_day(hours: dict[datetime, dict[str, Any]]) -> list[int]:
    counted: Counter[int] = Counter()
    for hour, row in hours.items():
        counted[hour.hour] += row["placed"]
    return [counted[hour] for hour in range(24)]


def _counted(rows: QuerySet[Any], field: str) -> list[tuple[Any, int]]:
    """How many have each value of the field, most first."""
    counted = rows.order_by().values(field).annotate(count=Count("pk"))
    return sorted(((row[field], row["count"]) for row in counted), key=lambda pair: (-pair[1], pair[0]))
