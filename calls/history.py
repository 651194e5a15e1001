"""Reads a person's calls for pages: each page in a constant number of queries, never a hidden leg."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User

from . import clock
from .core.vocabulary import EndReason, Kind, LegState, Quality, Role, Route
from .models import Guest, GuestMessage, Leg
from .models.call import LegQuerySet

PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """A call as one person remembers it, or a message (its id) that a guest left."""

    call: UUID | None
    person: User | Guest | None
    outgoing: bool
    kind: Kind
    placed_at: datetime
    live: bool
    missed: bool
    unseen: bool
    words: str
    talked: timedelta | None = None
    message: int | None = None
    quality: str = ""
    route: str = ""

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


class Show(StrEnum):
    """Which calls to list."""

    ALL = ""
    MISSED = "missed"
    INCOMING = "incoming"
    OUTGOING = "outgoing"
    GUESTS = "guests"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the history is asked for. `text` is a part of the other's name or handle; `until` is not included."""

    show: Show = Show.ALL
    text: str = ""
    person: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Page:
    """At most PAGE entries, newest first; `older` is where to look on, None if that is all."""

    entries: list[Entry]
    older: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """Calls in a row with the same person on the same day, newest first."""

    entries: list[Entry]

    @property
    def newest(self) -> Entry:
        return self.entries[0]


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    groups: list[Group]


def recents(user: User, wanted: Wanted = EVERYTHING, before: datetime | None = None) -> Page:
    """The newest calls and messages from before `before`."""
    calls = _entries(_wanted_legs(user, wanted, before)[: PAGE + 1])
    notes = [_note(message) for message in _wanted_messages(user, wanted, before)[: PAGE + 1]]
    found = sorted(calls + notes, key=lambda entry: entry.placed_at, reverse=True)
    return Page(found[:PAGE], older=found[PAGE - 1].placed_at if len(found) > PAGE else None)


def everything(user: User, wanted: Wanted) -> Iterator[Entry]:
    """All calls, newest first, for an export: read piece by piece."""
    for leg in _full(_wanted_legs(user, wanted, None)).iterator(chunk_size=PAGE * 10):
        yield _entry(leg)


def by_day(entries: Iterable[Entry]) -> list[Day]:
    """The entries under their days, in the reader's time zone, those in a row with one person put together."""
    days: list[Day] = []
    for entry in entries:
        day = timezone.localdate(entry.placed_at)
        if not days or days[-1].date != day:
            days.append(Day(day, []))
        groups = days[-1].groups
        if groups and _goes_with(entry, groups[-1].newest):
            groups[-1].entries.append(entry)
        else:
            groups.append(Group([entry]))
    return days


def _goes_with(entry: Entry, other: Entry) -> bool:
    same = entry.person is not None and entry.person == other.person
    return same and None not in (entry.call, other.call) and entry.missed == other.missed


def forget(user: User, call_id: UUID) -> bool:
    """Delete an ended call from this person's own history; the other side's stays. False if there is none."""
    mine = Leg.objects.remembered_by(user.pk).filter(call_id=call_id, call__ended_at__isnull=False)
    return mine.update(forgotten_at=clock.now()) == 1


def forget_message(user: User, message_id: int) -> bool:
    return _messages(user).filter(pk=message_id).delete()[0] == 1


def find(user: User, call_id: UUID) -> Entry | None:
    """One call as this person remembers it; None if it is not theirs."""
    leg = _full(Leg.objects.remembered_by(user.pk).filter(call_id=call_id)).first()
    return _entry(leg) if leg is not None else None


def _wanted_legs(user: User, wanted: Wanted, before: datetime | None) -> LegQuerySet:
    legs = Leg.objects.remembered_by(user.pk)
    match wanted.show:
        case Show.MISSED:
            legs = legs.filter(role=Role.CALLEE, state__in=(LegState.MISSED, LegState.BUSY))
        case Show.INCOMING:
            legs = legs.filter(role=Role.CALLEE)
        case Show.OUTGOING:
            legs = legs.filter(role=Role.CALLER)
        case Show.GUESTS:
            legs = legs.filter(_other(guest__isnull=False))
        case Show.ALL:
            pass
    if wanted.person:
        legs = legs.filter(_other(user__handle=wanted.person))
    if wanted.text:
        text = wanted.text.removeprefix("@")
        names = Q(user__name__icontains=text) | Q(user__handle__icontains=text) | Q(guest__name__icontains=text)
        legs = legs.filter(_other(names))
    legs = legs.filter(**_within("call__placed_at", wanted, before))
    return legs.order_by("-call__placed_at")


def _other(*conditions: Q, **facts: object) -> Exists:
    """That the other side of the call fits."""
    others = Leg.objects.filter(call=OuterRef("call")).exclude(pk=OuterRef("pk"))
    return Exists(others.filter(*conditions, **facts))


def _wanted_messages(user: User, wanted: Wanted, before: datetime | None) -> QuerySet[GuestMessage]:
    messages = _messages(user).filter(**_within("left_at", wanted, before)).select_related("guest")
    if wanted.person or wanted.show is Show.OUTGOING:
        return messages.none()
    return messages.filter(guest__name__icontains=wanted.text) if wanted.text else messages


def _within(field: str, wanted: Wanted, before: datetime | None) -> dict[str, datetime]:
    bounds = {"gte": wanted.since, "lt": min((each for each in (wanted.until, before) if each), default=None)}
    return {f"{field}__{name}": moment for name, moment in bounds.items() if moment is not None}


def between(user: User, other: User, limit: int = 8) -> list[Entry]:
    """What has passed between two people, newest first, as `user` remembers it."""
    legs = Leg.objects.remembered_by(user.pk).filter(call__legs__user=other).order_by("-call__placed_at")
    return _entries(legs[:limit])


def count_unseen(user: User) -> int:
    return Leg.objects.remembered_by(user.pk).missed_unseen().count() + _messages(user).filter(seen_at=None).count()


def unseen_since(user: User, after: datetime, until: datetime) -> list[Entry]:
    """Missed calls that ended and messages that came after `after`, up to `until`, not yet looked at; newest first."""
    ended = {"call__ended_at__gt": after, "call__ended_at__lte": until}
    legs = Leg.objects.remembered_by(user.pk).missed_unseen().filter(**ended)
    notes = _messages(user).filter(seen_at=None, left_at__gt=after, left_at__lte=until).select_related("guest")
    found = _entries(legs) + [_note(message) for message in notes]
    return sorted(found, key=lambda entry: entry.placed_at, reverse=True)


def mark_seen(user: User) -> None:
    now = clock.now()
    Leg.objects.remembered_by(user.pk).missed_unseen().update(seen_at=now)
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
        message=message.pk,
    )


def _entries(legs: LegQuerySet) -> list[Entry]:
    return [_entry(leg) for leg in _full(legs)]


def _full(legs: LegQuerySet) -> LegQuerySet:
    return legs.select_related("call").prefetch_related("call__legs__user", "call__legs__guest")


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
        talked=call.ended_at - call.answered_at if call.ended_at and call.answered_at else None,
        quality=call.quality,
        route=call.route,
    )


def connection(entry: Entry) -> str:
    """How it was connected, and how well: "Good connection, straight between the two of you"; empty if nobody knows."""
    words: dict[str, str] = {
        Quality.GOOD: _("Good connection"),
        Quality.FAIR: _("Fair connection"),
        Quality.POOR: _("Poor connection"),
    }
    ways: dict[str, str] = {
        Route.DIRECT: _("%(well)s, straight between the two of you"),
        Route.RELAY: _("%(well)s, through the relay"),
    }
    well = words.get(entry.quality, _("Connected"))
    return ways.get(entry.route, "%(well)s" if entry.quality else "") % {"well": well}


def _words(leg: Leg, missed: bool) -> str:
    """The call in a few words: "Missed video call", "Voice call, 3 min"."""
    call = leg.call
    video = call.kind == Kind.VIDEO
    if missed:
        return _("Missed video call") if video else _("Missed voice call")
    name = _("Video call") if video else _("Voice call")
    if call.ended_at is None:
        return _("%(call)s, now") % {"call": name}
    if call.answered_at is not None and (call.route or call.end_reason != EndReason.FAILED):
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
