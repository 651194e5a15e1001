"""Reads a person's calls for pages: each page in a constant number of queries, never a hidden leg."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User

from . import clock
from .core.vocabulary import EndReason, Kind, LegState, Role
from .models import Guest, GuestMessage, Leg
from .models.call import LegQuerySet

PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """A call as one person remembers it, or a message that a guest left."""

    call: UUID | None
    person: User | Guest | None
    outgoing: bool
    kind: Kind
    placed_at: datetime
    live: bool
    missed: bool
    unseen: bool
    words: str

    @property
    def is_guest(self) -> bool:
        return isinstance(self.person, Guest)

    @property
    def icon(self) -> str:
        """The name of its Lucide icon."""
        if self.call is None:
            return "message-square"
        if self.missed:
            return "phone-missed"
        return "arrow-up-right" if self.outgoing else "arrow-down-left"


def recents(user: User, before: datetime | None = None) -> list[Entry]:
    """The newest PAGE calls and messages from before `before`, newest first."""
    legs, messages = Leg.objects.known_to(user.pk), _messages(user)
    if before is not None:
        legs, messages = legs.filter(call__placed_at__lt=before), messages.filter(left_at__lt=before)
    calls = _entries(legs.order_by("-call__placed_at")[:PAGE])
    notes = [_note(message) for message in messages.select_related("guest")[:PAGE]]
    return sorted(calls + notes, key=lambda entry: entry.placed_at, reverse=True)[:PAGE]


def between(user: User, other: User, limit: int = 8) -> list[Entry]:
    """What has passed between two people, newest first, as `user` remembers it."""
    legs = Leg.objects.known_to(user.pk).filter(call__legs__user=other).order_by("-call__placed_at")
    return _entries(legs[:limit])


def count_unseen(user: User) -> int:
    return Leg.objects.known_to(user.pk).missed_unseen().count() + _messages(user).filter(seen_at=None).count()


def mark_seen(user: User) -> None:
    now = clock.now()
    Leg.objects.known_to(user.pk).missed_unseen().update(seen_at=now)
    _messages(user).filter(seen_at=None).update(seen_at=now)


def _messages(user: User) -> QuerySet[GuestMessage]:
    return GuestMessage.objects.filter(guest__link__owner=user)


def _note(message: GuestMessage) -> Entry:
    return Entry(
        call=None,
        person=message.guest,
        outgoing=False,
        kind=Kind.VOICE,
        placed_at=message.left_at,
        live=False,
        missed=False,
        unseen=message.seen_at is None,
        words=message.text,
    )


def _entries(legs: LegQuerySet) -> list[Entry]:
    full = legs.select_related("call").prefetch_related("call__legs__user", "call__legs__guest")
    return [_entry(leg) for leg in full]


def _entry(leg: Leg) -> Entry:
    call = leg.call
    other = next((each for each in call.legs.all() if each.pk != leg.pk), None)
    missed = leg.role == Role.CALLEE and leg.state in (LegState.MISSED, LegState.BUSY)
    return Entry(
        call=call.pk,
        person=(other.user or other.guest) if other else None,
        outgoing=leg.role == Role.CALLER,
        kind=Kind(call.kind),
        placed_at=call.placed_at,
        live=call.ended_at is None,
        missed=missed,
        unseen=missed and leg.seen_at is None,
        words=_words(leg, missed),
    )


def _words(leg: Leg, missed: bool) -> str:
    """The call in a few words: "Missed video call", "Voice call, 3 min"."""
    call = leg.call
    video = call.kind == Kind.VIDEO
    if missed:
        return _("Missed video call") if video else _("Missed voice call")
    name = _("Video call") if video else _("Voice call")
    if call.ended_at is None:
        return _("%(call)s, now") % {"call": name}
    if call.answered_at is not None and call.end_reason != EndReason.FAILED:
        return f"{name}, {length(call.ended_at - call.answered_at)}"
    return f"{name}, {_unanswered(EndReason(call.end_reason))}"


def _unanswered(reason: EndReason) -> str:
    return {
        EndReason.DECLINED: _("declined"),
        EndReason.CANCELLED: _("cancelled"),
        EndReason.BUSY: _("busy"),
        EndReason.UNAVAILABLE: _("not reachable"),
        EndReason.FAILED: _("could not connect"),
        EndReason.REVOKED: _("ended"),
        EndReason.LOST: _("connection lost"),
    }.get(reason, _("no answer"))


def length(span: timedelta) -> str:
    """How long a call was, to the unit that people would say."""
    seconds = round(span.total_seconds())
    if seconds < 60:
        return _("%(n)d s") % {"n": seconds}
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("%(n)d min") % {"n": minutes}
    hours, rest = divmod(minutes, 60)
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours} + (f" {rest} min" if rest else "")
