"""Keeps what pages report of their connections, and reads it for the history and the admin."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from . import clock
from .core import quality
from .core.errors import NoSuchCall, NotActive, NotAllowed
from .core.protocol import QualityReport as Report
from .core.quality import Sample
from .core.vocabulary import CandidateType, EventName, Quality, Route
from .models import Call, JournalEntry, Leg, LegQuality, QualityReport
from .models.quality import MEANS

# How a sample is kept: seconds since the leg joined, then these.
COLUMNS = (
    "round_trip_ms", "jitter_ms", "loss", "concealed", "video_loss", "send_kbps", "receive_kbps",
    "width", "height", "frames_per_second", "local", "remote", "reconnects",
)  # fmt: skip
DIGITS = 4

BINDING = (EventName.PLACE, EventName.ACCEPT, EventName.MOVE, EventName.REJOIN)


@dataclass(frozen=True, slots=True)
class Point:
    """One sample of a leg, and when it was taken."""

    at: datetime
    sample: Sample


@dataclass(frozen=True, slots=True)
class Verdict:
    """A call's connection in two words: the worse side's quality, and whether either side needed the relay."""

    quality: Quality | None
    route: Route | None


UNMEASURED = Verdict(None, None)


def report(person: UUID, device: str, message: Report) -> UUID:
    """Keep a report of this person's leg; one that was kept already changes nothing. Returns the call.

    A report may come after the end: the last one of every call does. Raises `NoSuchCall`, `NotActive` for a call that
    nobody answered, and `NotAllowed` from a device that never carried the leg.
    """
    leg = Leg.objects.known_to(person).filter(call_id=message.call).select_related("call").first()
    if leg is None:
        raise NoSuchCall
    if leg.call.answered_at is None or leg.joined_at is None:
        raise NotActive
    if message.epoch > leg.epoch or not _carried(leg, device):
        raise NotAllowed("This device does not carry the call.")
    with transaction.atomic():
        LegQuality.objects.get_or_create(leg=leg, defaults={"call_id": leg.call_id, "placed_at": leg.call.placed_at})
        summary = LegQuality.objects.select_for_update().get(leg=leg)
        known = QualityReport.objects.filter(leg=leg, epoch=message.epoch, number=message.number)
        if summary.reports < quality.REPORTS_MAX and not known.exists():
            now = clock.now()
            _keep(leg, message, now)
            _add(summary, message.samples)
    return leg.call_id


def curve(leg: Leg) -> list[Point]:
    """All samples of a leg, oldest first."""
    if leg.joined_at is None:
        return []
    rows = QualityReport.objects.filter(leg=leg).order_by("epoch", "number").values_list("samples", flat=True)
    return [_point(leg.joined_at, row) for samples in rows for row in samples]


def verdict(call: Call) -> Verdict:
    """Of a call whose `qualities` are best prefetched."""
    return _worst([(each.quality, each.route) for each in call.qualities.all()])


def verdicts_of(calls: Iterable[UUID]) -> dict[UUID, Verdict]:
    """Of those of these calls that were measured, in one query."""
    found: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    for call, word, route in LegQuality.objects.filter(call__in=calls).values_list("call_id", "quality", "route"):
        found[call].append((word, route))
    return {call: _worst(sides) for call, sides in found.items()}


def _worst(sides: Sequence[tuple[str, str]]) -> Verdict:
    """Of the words and routes of each side; empty ones say nothing."""
    words = [Quality(word) for word, _route in sides if word]
    routes = [Route(route) for _word, route in sides if route]
    return Verdict(
        quality=max(words, key=list(Quality).index) if words else None,
        route=max(routes, key=list(Route).index) if routes else None,
    )


def _carried(leg: Leg, device: str) -> bool:
    """Whether the leg is, or was, bound to this device."""
    return leg.device == device or JournalEntry.objects.filter(leg=leg, device=device, event__in=BINDING).exists()


def _keep(leg: Leg, message: Report, now: datetime) -> None:
    assert leg.joined_at is not None  # `report` has looked
    rows = []
    for sample in message.samples:
        # The page's word on how long ago it was may not put a sample before the leg.
        seconds = (now - timedelta(milliseconds=sample.ago_ms) - leg.joined_at).total_seconds()
        rows.append([round(max(0.0, seconds), 1), *(_short(getattr(sample, name)) for name in COLUMNS)])
    QualityReport.objects.create(leg=leg, epoch=message.epoch, number=message.number, at=now, samples=rows)


def _add(summary: LegQuality, samples: Sequence[Sample]) -> None:
    for name in MEANS:
        value, weight = quality.mean([getattr(sample, name) for sample in samples])
        if value is None:
            continue
        before, known = getattr(summary, name) or 0.0, summary.weights.get(name, 0)
        setattr(summary, name, before + (value - before) * weight / (known + weight))
        summary.weights[name] = known + weight
    for name in ("width", "height", "local", "remote", "route"):
        newest = next((value for s in reversed(samples) if (value := getattr(s, name)) is not None), None)
        if newest is not None:
            setattr(summary, name, newest)
    summary.reconnects = max(summary.reconnects, *(sample.reconnects for sample in samples))
    summary.quality = quality.word(summary.mos) or ""
    summary.reports += 1
    summary.save()


def _short(value: object) -> object:
    return round(value, DIGITS) if isinstance(value, float) else value


def _point(joined_at: datetime, row: Sequence[object]) -> Point:
    seconds, *values = row
    facts = dict(zip(COLUMNS, values, strict=True))
    for name in ("local", "remote"):
        facts[name] = CandidateType(str(facts[name])) if facts[name] else None
    return Point(joined_at + timedelta(seconds=float(str(seconds))), Sample(ago_ms=0, **facts))  # type: ignore[arg-type]
