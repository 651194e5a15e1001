"""What an admin does to what goes on now. Each act is the admin's to log."""

from dataclasses import dataclass
from uuid import UUID

from accounts.models import User

from . import clock, switchboard
from .call_export import name_of
from .core.vocabulary import By, Presence
from .exchange import exchange
from .models import Call


@dataclass(frozen=True, slots=True)
class LiveCall:
    """`names`: the caller's, then who is called. `seconds` since the answer or, unanswered, since it was placed."""

    call: Call
    names: list[str]
    seconds: int


@dataclass(frozen=True, slots=True)
class OnLine:
    person: User
    status: Presence
    seconds: int | None


def live_calls() -> list[LiveCall]:
    """All that ring or go on, the newest first."""
    now = clock.now()
    # Sorted here: told to sort, SQLite goes through all calls by their time instead of the few live ones.
    rows = Call.objects.live().order_by().prefetch_related("legs__user", "legs__guest__link")
    calls = sorted(rows, key=lambda call: call.placed_at, reverse=True)
    return [
        LiveCall(call, _names(call), max(0, int((now - (call.answered_at or call.placed_at)).total_seconds())))
        for call in calls
    ]


def on_line() -> list[OnLine]:
    """Who is connected, in any process, by name. Only a serving process knows."""
    people = {str(person.pk): person for person in User.objects.active().by_name()}
    views = {view.id: view for view in exchange.presence.views(people)}
    return [
        OnLine(person, view.status, view.seconds)
        for id_, person in people.items()
        if (view := views[id_]).status is not Presence.OFFLINE
    ]


def end_call(call_id: UUID, admin: User) -> bool:
    """End a live call; its people are told that an admin did. False if it had ended already, or never was."""
    if not Call.objects.live().filter(pk=call_id).exists():
        return False
    switchboard.force_end(call_id, By.ADMIN, actor=admin.pk)
    return True


def _names(call: Call) -> list[str]:
    return [name_of(leg) for leg in sorted(call.legs.all(), key=lambda leg: leg.role, reverse=True)]
