"""The story of one call, told to one of its people: the journal and the breaks of the connection, in words."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User

from . import quality
from .core.vocabulary import BINDING, EventName, Role
from .models import JournalEntry, Leg


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    words: str


def of(call_id: UUID, me: User) -> list[Step]:
    """What happened on both sides, oldest first. Who ended a call from outside is not told."""
    journal = JournalEntry.objects.filter(call_id=call_id).select_related("leg__user", "leg__guest").order_by("id")
    steps = [Step(entry.at, _words(entry, mine=entry.leg.user_id == me.pk)) for entry in journal]
    legs = {entry.leg_id: entry.leg for entry in journal}
    for leg in legs.values():
        steps += _breaks(leg, mine=leg.user_id == me.pk)
    return sorted((step for step in steps if step.words), key=lambda step: step.at)


def _breaks(leg: Leg, *, mine: bool) -> list[Step]:
    """When this side's media came back after it had broken off."""
    known, steps = 0, []
    for point in quality.curve(leg):
        if point.sample.reconnects > known:
            words = _("Your network changed or broke off, and the call went on") if mine else ""
            words = words or _("The network of %(name)s changed or broke off, and the call went on")
            steps.append(Step(point.at, words % {"name": _name(leg)}))
        known = point.sample.reconnects
    return steps


def _name(leg: Leg) -> str:
    other = leg.user or leg.guest
    return other.name if other else _("Somebody who is no longer here")


def _words(entry: JournalEntry, *, mine: bool) -> str:
    """One line; empty for what follows from another and needs no telling."""
    event = EventName(entry.event)
    if event is EventName.PLACE and entry.leg.role == Role.CALLEE:
        return ""
    words = _of_mine(event, failed=bool(entry.leg.failure)) if mine else _of_theirs(event)
    if mine and entry.client and event in BINDING:
        words = _("%(what)s, with %(client)s") % {"what": words, "client": entry.client}
    return words % {"name": _name(entry.leg)}


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
        case EventName.SWITCH:
            return _("You left it for another call")
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
        case EventName.SWITCH:
            return _("%(name)s hung up")  # for whom is not the other side's to know
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
