"""What the admin's page of one call shows beside its rows: devices, how it was connected, and why it failed."""

from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from . import call_export, charts, diagnosis, quality
from .charts import Chart, Series
from .models import Call, JournalEntry, Leg, LegQuality
from .quality import Point

MOS_LEAST, MOS_MOST = 1, 5


@dataclass(frozen=True, slots=True)
class Side:
    """One leg: who, with which browsers and systems in turn, and what they measured."""

    name: str
    role: str
    clients: list[str]
    summary: LegQuality | None
    points: list[Point]
    chart: Chart | None


def context(call: Call) -> dict[str, Any]:
    legs = list(call.legs.select_related("user", "guest", "quality_summary").order_by("-role"))
    journal = list(JournalEntry.objects.filter(call=call).order_by("id"))
    return {
        "sides": [_side(leg, journal) for leg in legs],
        "diagnosis": diagnosis.of(call, legs, journal),
    }


def as_clock(seconds: float | None) -> str:
    """Minutes and seconds, with hours where there are any: 4:27, 1:04:27."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _side(leg: Leg, journal: list[JournalEntry]) -> Side:
    clients = [entry.client for entry in journal if entry.leg_id == leg.pk and entry.client]
    points = quality.curve(leg)
    return Side(
        name=call_export.name_of(leg),
        role=leg.get_role_display(),
        clients=[client for n, client in enumerate(clients) if n == 0 or clients[n - 1] != client],
        summary=getattr(leg, "quality_summary", None),
        points=points,
        chart=_curve(points) if len(points) > 1 else None,
    )


def _curve(points: list[Point]) -> Chart:
    columns = [date_format(point.at, "H:i:s") for point in points]
    scores = [round(mos, 2) if (mos := point.sample.mos) is not None else None for point in points]
    series = [Series("mos", _("mean opinion score"), scores)]
    return charts.curves(_("Quality of the sound, 1 to 5"), columns, series, MOS_LEAST, MOS_MOST)
