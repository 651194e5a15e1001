"""Reads the facts of calls out of the database rows: what crosses processes and what snapshots are drawn from."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User

from . import clock
from .core.protocol import GuestView, PersonView
from .core.snapshot import Facts, LegFacts
from .core.vocabulary import By, CallState, EndReason, FailureStage, Kind, LegState, Role
from .models import Call, Guest, Leg


def of(row: Call, legs: list[Leg], now: datetime) -> Facts:
    """The facts of one call, its legs loaded with their people."""
    return Facts(
        id=str(row.pk),
        rev=row.rev,
        kind=Kind(row.kind),
        state=CallState(row.state),
        legs=[_leg(leg) for leg in sorted(legs, key=lambda leg: leg.role, reverse=True)],
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        by_admin=row.end_reason == EndReason.REVOKED and row.ended_by == By.ADMIN,
        ring_left_ms=_milliseconds(row.ring_expires_at - now) if row.state == CallState.RINGING else None,
        active_ms=_milliseconds((row.ended_at or now) - row.answered_at) if row.answered_at else None,
    )


def load(call_ids: Iterable[UUID | str]) -> list[Facts]:
    """The facts of these calls, in two queries; ids of no call are passed over."""
    calls = Call.objects.filter(pk__in=call_ids).prefetch_related("legs__user", "legs__guest__link")
    now = clock.now()
    return [of(call, list(call.legs.all()), now) for call in calls]


def person_view(person: User | Guest | None, stand_in_id: UUID) -> PersonView:
    """A person as others see them; for someone who does not exist (any more), a nameless stand-in."""
    match person:
        case User():
            return PersonView(id=str(person.pk), name=person.name, handle=person.handle, hue=person.hue)
        case Guest():
            came_for = GuestView(title=person.link.title, line=person.line)
            return PersonView(id=str(person.pk), name=person.name, handle="", hue=person.hue, guest=came_for)
        case None:
            return PersonView(id=str(stand_in_id), name=_("Unknown"), handle="", hue=0)


def _leg(leg: Leg) -> LegFacts:
    return LegFacts(
        id=str(leg.pk),
        role=Role(leg.role),
        state=LegState(leg.state),
        person=person_view(leg.user or leg.guest, leg.pk),
        device=leg.device or None,
        epoch=leg.epoch,
        alerted=leg.alerted_at is not None,
        failure=FailureStage(leg.failure) if leg.failure else None,
        hidden=leg.hidden,
        hides_address=leg.user is not None and leg.user.hide_address,
    )


def _milliseconds(span: timedelta) -> int:
    return max(0, round(span / timedelta(milliseconds=1)))
