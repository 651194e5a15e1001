"""Everything that is held on a person: what the accounts hold, and their calls, links and messages."""

from typing import Any

from django.db.models import F

from accounts import personal_data as accounts
from accounts.models import User

from .models import Guest, GuestMessage, Leg, Link, MissedMail
from .models.quality import MEANS
from .quality import COLUMNS

JOURNAL = ("at", "event", "before", "after", "client")
QUALITY = (*MEANS, "quality", "route", "width", "height", "local", "remote", "reconnects")


def held_on(person: User) -> dict[str, Any]:
    """For an export as JSON. A call that a block of theirs keeps from them is not in it, as in their history."""
    return {
        **accounts.held_on(person),
        "mail_about_missed_calls": MissedMail.objects.filter(user=person).exists(),
        "columns_of_samples": ["seconds", *COLUMNS],
        "calls": [_call(leg) for leg in _legs(person).iterator(chunk_size=500)],
        "links": [_link(link) for link in Link.objects.filter(owner=person)],
    }


def _legs(person: User) -> Any:
    legs = Leg.objects.known_to(person.pk).select_related("call", "quality_summary").order_by("-call__placed_at")
    return legs.prefetch_related("call__legs__user", "call__legs__guest", "journal", "quality_reports")


def _call(leg: Leg) -> dict[str, Any]:
    others = [each.user or each.guest for each in leg.call.legs.all() if each.pk != leg.pk]
    summary = getattr(leg, "quality_summary", None)
    return {
        "id": leg.call_id,
        "kind": leg.call.kind,
        "role": leg.role,
        "with": [person.name for person in others if person is not None],
        "placed_at": leg.call.placed_at,
        "joined_at": leg.joined_at,
        "ended_at": leg.ended_at,
        "seconds": leg.call.talked_seconds,
        "end_reason": leg.call.end_reason,
        "failure": leg.failure,
        "seen_at": leg.seen_at,
        "deleted_from_own_history_at": leg.forgotten_at,
        "journal": [{name: getattr(entry, name) for name in JOURNAL} for entry in leg.journal.all()],
        "quality": {name: getattr(summary, name) for name in QUALITY} if summary else None,
        "samples": [row for report in leg.quality_reports.all() for row in report.samples],
    }


def _link(link: Link) -> dict[str, Any]:
    """Without its secret, and without the passcode, which is kept as a hash only."""
    guests = Guest.objects.filter(link=link).values("name", "line", "entered_at")
    messages = GuestMessage.objects.filter(guest__link=link).annotate(by=F("guest__name"))
    fields = ("title", "kind", "personal", "valid_from", "valid_until", "max_uses", "uses", "weekdays", "opens_at",
              "closes_at", "time_zone", "made_at", "paused_at", "revoked_at")  # fmt: skip
    return {
        **{name: getattr(link, name) for name in fields},
        "guests": list(guests),
        "messages": list(messages.values("by", "text", "left_at", "seen_at")),
    }
