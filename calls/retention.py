"""Forgets what is older than the operator wants to keep: calls, guests' names, quality data, dead links.

The steward runs it once a day, in whichever process comes first; `manage.py apply_retention` at any time. It works in
batches, each a transaction of its own, so that calls go on meanwhile.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Invitation

from . import clock
from .models import Call, Guest, GuestMessage, JournalEntry, Leg, LegQuality, Link, QualityReport

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """What is forgotten after how many days, by which setting; 0 days keep it for good."""

    name: str
    setting: str
    due: Callable[[datetime], list[QuerySet[Any]]]
    forget: Callable[[QuerySet[Any]], None]

    @property
    def days(self) -> int:
        return int(getattr(settings, self.setting))


def apply(*, dry: bool = False) -> dict[str, int]:
    """Forget all that is due; with `dry`, nothing. How many of each kind."""
    now = clock.now()
    counts = {}
    for rule in RULES:
        due = rule.due(now - timedelta(days=rule.days)) if rule.days else []
        counts[rule.name] = sum(rows.count() if dry else _forget(rows, rule.forget) for rows in due)
    return counts


def _forget(rows: QuerySet[Any], forget: Callable[[QuerySet[Any]], None]) -> int:
    count = 0
    while ids := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            forget(rows.model._default_manager.filter(pk__in=ids))
        count += len(ids)
    return count


def forget_calls(calls: QuerySet[Call]) -> None:
    """Delete these calls and all that hangs on them, the leaves first: then each table takes one statement."""
    ids = list(calls.values_list("pk", flat=True))
    leaves: Iterable[tuple[type[models.Model], str]] = (
        (QualityReport, "leg__call__in"), (LegQuality, "call__in"), (JournalEntry, "call__in"), (Leg, "call__in"),
    )  # fmt: skip
    for model, field in leaves:
        model._default_manager.filter(**{field: ids}).delete()
    Call.objects.filter(pk__in=ids).delete()


def _old_calls(before: datetime) -> list[QuerySet[Any]]:
    return [Call.objects.filter(ended_at__lt=before)]


def _old_guests(before: datetime) -> list[QuerySet[Any]]:
    """Those who were let in before and have not called since, and what they wrote."""
    since = Leg.objects.filter(guest=OuterRef("pk"), call__placed_at__gte=before)
    named = Guest.objects.filter(entered_at__lt=before).exclude(name=_nameless(), line="")
    return [GuestMessage.objects.filter(left_at__lt=before), named.filter(~Exists(since))]


def _old_quality(before: datetime) -> list[QuerySet[Any]]:
    return [QualityReport.objects.filter(at__lt=before), LegQuality.objects.filter(placed_at__lt=before)]


def _dead_links(before: datetime) -> list[QuerySet[Any]]:
    """Links and invitations that were revoked, or ran out, before; no link under a call that goes on.

    A link that others' records need stays without what its owner wrote, until they are gone.
    """
    invitations = Invitation.objects.filter(Q(revoked_at__lt=before) | Q(expires_at__lt=before) | Q(used_at__lt=before))
    dead = Link.objects.filter(Q(revoked_at__lt=before) | Q(valid_until__lt=before))
    live = Leg.objects.live().filter(guest__link=OuterRef("pk"))
    worded = ~Q(title="", passcode="")
    return [dead.filter(~Exists(live)).filter(worded | ~_needed()), invitations]


def _needed() -> Q:
    """Guests of the link are in calls that are kept, or have left messages that are: deleting it would delete them."""
    legs, messages = (model._default_manager.filter(guest__link=OuterRef("pk")) for model in (Leg, GuestMessage))
    return Q(Exists(legs)) | Q(Exists(messages))


def _forget_names(rows: QuerySet[Any]) -> None:
    if rows.model is Guest:
        rows.update(name=_nameless(), line="")
    else:
        rows.delete()


def _nameless() -> str:
    """What a guest is called whose name is forgotten."""
    return _("Guest")


def _forget_links(rows: QuerySet[Any]) -> None:
    if rows.model is Link:
        rows.filter(_needed()).update(title="", passcode="")
        rows.filter(~_needed()).delete()
    else:
        rows.delete()


def _delete(rows: QuerySet[Any]) -> None:
    rows.delete()


RULES = (
    Rule("quality data", "EARSHOT_KEEP_QUALITY_DAYS", _old_quality, _delete),
    Rule("guests' names and messages", "EARSHOT_KEEP_GUEST_NAMES_DAYS", _old_guests, _forget_names),
    Rule("calls", "EARSHOT_KEEP_CALLS_DAYS", _old_calls, forget_calls),
    Rule("dead links and invitations", "EARSHOT_KEEP_LINKS_DAYS", _dead_links, _forget_links),
)
