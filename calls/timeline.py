"""The story of one call, told to one of its people: the journal in words."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User

from .core.vocabulary import EventName, Role
from .models import JournalEntry


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    words: str


def of(call_id: UUID, me: User) -> list[Step]:
    """What happened on both sides, oldest first. Who ended a call from outside is not told."""
    journal = JournalEntry.objects.filter(call_id=call_id).select_related("leg__user", "leg__guest").order_by("id")
    steps = ((entry.at, _words(entry, mine=entry.leg.user_id == me.pk)) for entry in journal)
    return [Step(at, words) for at, words in steps if words]


def _words(entry: JournalEntry, *, mine: bool) -> str:
    """One line; empty for what follows from another and needs no telling."""
    other = entry.leg.user or entry.leg.guest
    name = other.name if other else _("Somebody who is no longer here")
    event = EventName(entry.event)
    if event is EventName.PLACE and entry.leg.role == Role.CALLEE:
        return ""
    return (_of_mine(event, failed=bool(entry.leg.failure)) if mine else _of_theirs(event)) % {"name": name}


def _of_mine(event: EventName, *, failed: bool) -> str:
    match event:
        case EventName.PLACE:
            return _("You called")
        case EventName.ALERT:
            return _("Your devices rang")
        case EventName.ACCEPT:
            return _("You answered")
        case EventName.DECLINE:
            return _("You declined")
        case EventName.TIME_OUT:
            return _("You did not answer")
        case EventName.UNREACHABLE:
            return _("You were not on line")
        case EventName.OCCUPIED:
            return _("You were in another call")
        case EventName.HANG_UP:
            return _("Sound and picture did not get through, and the call was given up") if failed else _("You hung up")
        case EventName.MOVE:
            return _("You went on with it on another device")
        case EventName.REJOIN:
            return _("You loaded the page again")
        case EventName.LOSE:
            return _("Your connection was lost")
        case EventName.FORCE_END:
            return _("The call was ended")
        case EventName.SETTLE:
            return ""


def _of_theirs(event: EventName) -> str:
    match event:
        case EventName.PLACE:
            return _("%(name)s called")
        case EventName.ALERT:
            return _("It rang at %(name)s")
        case EventName.ACCEPT:
            return _("%(name)s answered")
        case EventName.DECLINE:
            return _("%(name)s declined")
        case EventName.TIME_OUT:
            return _("%(name)s did not answer")
        case EventName.UNREACHABLE:
            return _("%(name)s was not on line")
        case EventName.OCCUPIED:
            return _("%(name)s was in another call")
        case EventName.HANG_UP:
            return _("%(name)s hung up")
        case EventName.MOVE:
            return _("%(name)s went on with it on another device")
        case EventName.REJOIN:
            return _("%(name)s loaded the page again")
        case EventName.LOSE:
            return _("The connection of %(name)s was lost")
        case EventName.FORCE_END:
            return _("The call was ended")
        case EventName.SETTLE:
            return ""
