"""Keeps what pages report of their connections."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from . import clock, switchboard
from .core import quality
from .core.errors import NoSuchCall, NotActive, NotAllowed
from .core.protocol import QualityReport as Report
from .core.quality import Sample
from .core.vocabulary import BINDING
from .metrics import MEASURED_LEGS, SETUP_SECONDS
from .models import Call, JournalEntry, Leg, LegQuality, QualityReport
from .models.quality import MEANS
from .quality import COLUMNS, worst

DIGITS = 4


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
        # The call's row is the lock: of both sides' last reports, the second sees the first's.
        Call.objects.select_for_update().get(pk=leg.call_id)
        summary, _ = LegQuality.objects.get_or_create(
            leg=leg, defaults={"call_id": leg.call_id, "placed_at": leg.call.placed_at}
        )
        known = QualityReport.objects.filter(leg=leg, epoch=message.epoch, number=message.number)
        if summary.reports < quality.REPORTS_MAX and not known.exists():
            _keep(leg, message, clock.now())
            _add(summary, message.samples)
            _count(summary, message)
            switchboard.note_connection(leg.call_id, *worst(leg.call_id))
    return leg.call_id


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


def _count(summary: LegQuality, message: Report) -> None:
    if summary.reports == 1 and summary.route:
        MEASURED_LEGS.labels(summary.route).inc()
    if message.setup_ms is not None:
        SETUP_SECONDS.observe(message.setup_ms / 1000)


def _short(value: object) -> object:
    return round(value, DIGITS) if isinstance(value, float) else value
