"""Reads what pages have measured of their connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from .core.quality import Sample
from .core.vocabulary import CandidateType, Quality, Route
from .models import Leg, LegQuality, QualityReport

# How a sample is kept: seconds since the leg joined, then these.
COLUMNS = (
    "round_trip_ms", "jitter_ms", "loss", "concealed", "video_loss", "send_kbps", "receive_kbps",
    "width", "height", "frames_per_second", "local", "remote", "reconnects",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """One sample of a leg, and when it was taken."""

    at: datetime
    sample: Sample


def curve(leg: Leg) -> list[Point]:
    """All samples of a leg, oldest first."""
    if leg.joined_at is None:
        return []
    rows = QualityReport.objects.filter(leg=leg).order_by("epoch", "number").values_list("samples", flat=True)
    return [_point(leg.joined_at, row) for samples in rows for row in samples]


def worst(call_id: UUID) -> tuple[str, str]:
    """The worse side's quality, and the relay if either side needed it; empty words where nothing is known."""
    sides = list(LegQuality.objects.filter(call_id=call_id).values_list("quality", "route"))
    words = [Quality(word) for word, _route in sides if word]
    routes = [Route(route) for _word, route in sides if route]
    return max(words, key=list(Quality).index, default=""), max(routes, key=list(Route).index, default="")


def _point(joined_at: datetime, row: Sequence[object]) -> Point:
    seconds, *values = row
    facts = dict(zip(COLUMNS, values, strict=True))
    for name in ("local", "remote"):
        facts[name] = CandidateType(str(facts[name])) if facts[name] else None
    return Point(joined_at + timedelta(seconds=float(str(seconds))), Sample(ago_ms=0, **facts))  # type: ignore[arg-type]
