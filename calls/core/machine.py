"""The call machine: one table, and the one function that applies it.

A call is a set of legs, one a person. Each leg walks alone through `TABLE`; the call's state is a function of
its legs (`state_of`) and never set by hand. When the legs no longer make a call, the rest of them *settle*:
who still rings has missed it, who still talks has left. So every call ends exactly once, with one reason,
however many things happen at the same moment: whoever commits second meets a leg that is no longer live.

`decide` is pure: it gets the clock's reading and returns a changed copy with what happened, or raises one
error that names state and event. Whoever calls it (the switchboard, and only it) locks, saves and delivers.

The diagram in docs/architecture.md is printed by `table_as_markdown`, and a test compares the two.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from .errors import NotAllowed, TooLate, WrongState
from .vocabulary import By, CallState, EndReason, EventName, FailureStage, Kind, LegState, Role


class Who(StrEnum):
    """Who may make an event happen to a leg."""

    ANYONE = "anyone who may reach the callee"
    PERSON = "that leg's person, from any device"
    BOUND_DEVICE = "that leg's bound device"
    OTHER_DEVICE = "that leg's person, from another device"
    STEWARD = "the steward, after the deadline"
    SYSTEM = "the system or an admin"
    ENDING = "the call ending"


@dataclass(frozen=True, slots=True)
class Rule:
    to: LegState
    who: Who


TABLE: dict[tuple[LegState | None, EventName], Rule] = {
    (None, EventName.PLACE): Rule(LegState.RINGING, Who.ANYONE),
    (LegState.RINGING, EventName.ALERT): Rule(LegState.RINGING, Who.PERSON),
    (LegState.RINGING, EventName.ACCEPT): Rule(LegState.JOINED, Who.PERSON),
    (LegState.RINGING, EventName.DECLINE): Rule(LegState.DECLINED, Who.PERSON),
    (LegState.RINGING, EventName.TIME_OUT): Rule(LegState.MISSED, Who.STEWARD),
    (LegState.RINGING, EventName.UNREACHABLE): Rule(LegState.MISSED, Who.SYSTEM),
    (LegState.RINGING, EventName.OCCUPIED): Rule(LegState.BUSY, Who.SYSTEM),
    (LegState.RINGING, EventName.FORCE_END): Rule(LegState.LEFT, Who.SYSTEM),
    (LegState.RINGING, EventName.SETTLE): Rule(LegState.MISSED, Who.ENDING),
    (LegState.JOINED, EventName.HANG_UP): Rule(LegState.LEFT, Who.BOUND_DEVICE),
    (LegState.JOINED, EventName.SWITCH): Rule(LegState.LEFT, Who.PERSON),
    (LegState.JOINED, EventName.MOVE): Rule(LegState.JOINED, Who.OTHER_DEVICE),
    (LegState.JOINED, EventName.REJOIN): Rule(LegState.JOINED, Who.BOUND_DEVICE),
    (LegState.JOINED, EventName.LOSE): Rule(LegState.LOST, Who.STEWARD),
    (LegState.JOINED, EventName.FORCE_END): Rule(LegState.LEFT, Who.SYSTEM),
    (LegState.JOINED, EventName.SETTLE): Rule(LegState.LEFT, Who.ENDING),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may take. The settings of the same names carry the seconds."""

    ring: timedelta
    caller_lease: timedelta
    leg_lease: timedelta


@dataclass(frozen=True, slots=True)
class Leg:
    """One person's part. `person` is None for someone who does not exist (any more)."""

    id: str
    role: Role
    person: str | None
    state: LegState
    device: str | None = None
    epoch: int = 1
    alerted_at: datetime | None = None
    joined_at: datetime | None = None
    ended_at: datetime | None = None
    lease_expires_at: datetime | None = None
    failure: FailureStage | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """`rev` grows by one with each change; `ended_at` is set if and only if the state is `ended`."""

    id: str
    kind: Kind
    legs: tuple[Leg, ...]
    placed_at: datetime
    ring_expires_at: datetime
    rev: int = 1
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    ended_by: By | None = None

    @property
    def state(self) -> CallState:
        return state_of(self.legs)

    def leg(self, leg_id: str) -> Leg:
        return next(leg for leg in self.legs if leg.id == leg_id)

    def leg_of(self, person: str) -> Leg | None:
        return next((leg for leg in self.legs if leg.person == person), None)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is to happen to one leg. `person` and `device` say from where, when `by` is a person."""

    name: EventName
    leg: str
    by: By = By.PERSON
    person: str | None = None
    device: str | None = None
    failure: FailureStage | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to one leg; the journal keeps it."""

    leg: str
    event: EventName
    before: LegState | None
    after: LegState


@dataclass(frozen=True, slots=True)
class Decision:
    """The changed call and how it came about. No transitions: the event was a repeat and nothing changed."""

    call: Call
    transitions: tuple[Transition, ...]


def state_of(legs: tuple[Leg, ...]) -> CallState:
    joined = sum(leg.state is LegState.JOINED for leg in legs)
    if joined >= 2:
        return CallState.ACTIVE
    if joined == 1 and any(leg.state is LegState.RINGING for leg in legs):
        return CallState.RINGING
    return CallState.ENDED


def place(
    call_id: str,
    kind: Kind,
    *,
    caller: Leg,
    callee: Leg,
    callee_is_busy: bool,
    now: datetime,
    terms: Terms,
) -> Decision:
    """A new call: the caller joined on their device, the callee ringing, or `busy` and the call over."""
    caller = replace(caller, state=LegState.JOINED, joined_at=now, lease_expires_at=now + terms.caller_lease)
    callee = replace(callee, state=TABLE[None, EventName.PLACE].to)
    call = Call(call_id, kind, (caller, callee), placed_at=now, ring_expires_at=now + terms.ring)
    transitions = tuple(Transition(leg.id, EventName.PLACE, None, leg.state) for leg in call.legs)
    if not callee_is_busy:
        return Decision(call, transitions)
    occupied = decide(call, Event(EventName.OCCUPIED, callee.id, By.SYSTEM), now, terms)
    return Decision(replace(occupied.call, rev=1), transitions + occupied.transitions)


def decide(call: Call, event: Event, now: datetime, terms: Terms) -> Decision:
    """Apply `event` to its leg.

    Raises `WrongState` when the table has no such row, `NotAllowed` when it has but not for this person or
    device, `TooLate` for an accept after the deadline. `call` itself is never changed.
    """
    leg = call.leg(event.leg)
    if event.name is EventName.ALERT and leg.alerted_at is not None:
        # It has rung already: this changes nothing, and no journal row would tell a repeat of it what it was answered.
        _check_who(Who.PERSON, leg, event)
        return Decision(call, ())
    rule = TABLE.get((leg.state, event.name))
    if rule is None or rule.who is Who.ENDING:
        raise WrongState(leg.state, event.name)
    _check_who(rule.who, leg, event)
    _check_deadline(call, leg, event, now)

    was_active = call.state is CallState.ACTIVE
    changed = _change(leg, event, rule.to, now)
    legs = tuple(changed if each.id == leg.id else each for each in call.legs)
    transitions = [Transition(leg.id, event.name, leg.state, rule.to)]
    answered_at, ended_at, end_reason, ended_by = call.answered_at, None, None, None

    match state_of(legs):
        case CallState.ENDED:
            legs, settled = _settle(legs, now)
            transitions += settled
            ended_at, end_reason, ended_by = now, _end_reason(event, was_active), event.by
        case CallState.ACTIVE:
            answered_at = answered_at or now
            legs = _lease(legs, now + terms.leg_lease)
        case CallState.RINGING:
            legs = _lease(legs, now + terms.caller_lease)
    return Decision(
        replace(
            call,
            legs=legs,
            rev=call.rev + 1,
            answered_at=answered_at,
            ended_at=ended_at,
            end_reason=end_reason,
            ended_by=ended_by,
        ),
        tuple(transitions),
    )


def _check_who(who: Who, leg: Leg, event: Event) -> None:
    own = event.by is By.PERSON and event.person is not None and event.person == leg.person
    allowed = {
        Who.ANYONE: False,
        Who.PERSON: own,
        Who.BOUND_DEVICE: own and event.device == leg.device,
        Who.OTHER_DEVICE: own and event.device not in (None, leg.device),
        Who.STEWARD: event.by is By.STEWARD,
        Who.SYSTEM: event.by in (By.SYSTEM, By.ADMIN),
        Who.ENDING: False,
    }[who]
    if not allowed:
        raise NotAllowed(f"Only {who} may {event.name}.")


def _check_deadline(call: Call, leg: Leg, event: Event, now: datetime) -> None:
    """Both sides of a deadline exclude each other: at `ring_expires_at` exactly, the ring is over."""
    match event.name:
        case EventName.ACCEPT if now >= call.ring_expires_at:
            raise TooLate
        case EventName.TIME_OUT if now < call.ring_expires_at:
            raise NotAllowed("It may ring still.")
        case EventName.LOSE if leg.lease_expires_at is None or now < leg.lease_expires_at:
            raise NotAllowed("The lease has not run out.")


def _change(leg: Leg, event: Event, to: LegState, now: datetime) -> Leg:
    if not to.live:
        return replace(leg, state=to, ended_at=now, lease_expires_at=None, failure=event.failure)
    match event.name:
        case EventName.ALERT:
            return replace(leg, alerted_at=now)
        case EventName.ACCEPT:
            return replace(leg, state=to, device=event.device, joined_at=now)
        case _:  # move and rejoin
            return replace(leg, device=event.device, epoch=leg.epoch + 1)


def _settle(legs: tuple[Leg, ...], now: datetime) -> tuple[tuple[Leg, ...], list[Transition]]:
    settled, transitions = [], []
    for leg in legs:
        if leg.state.live:
            to = TABLE[leg.state, EventName.SETTLE].to
            transitions.append(Transition(leg.id, EventName.SETTLE, leg.state, to))
            leg = replace(leg, state=to, ended_at=now, lease_expires_at=None)
        settled.append(leg)
    return tuple(settled), transitions


def _lease(legs: tuple[Leg, ...], until: datetime) -> tuple[Leg, ...]:
    return tuple(replace(leg, lease_expires_at=until) if leg.state is LegState.JOINED else leg for leg in legs)


def _end_reason(event: Event, was_active: bool) -> EndReason:
    """Why a call ended, from the event that ended it."""
    match event.name:
        case EventName.HANG_UP | EventName.SWITCH if was_active:
            return EndReason.FAILED if event.failure else EndReason.COMPLETED
        case EventName.LOSE if was_active:
            return EndReason.LOST
        case EventName.HANG_UP | EventName.SWITCH | EventName.LOSE:
            return EndReason.CANCELLED
        case EventName.DECLINE:
            return EndReason.DECLINED
        case EventName.TIME_OUT:
            return EndReason.MISSED
        case EventName.UNREACHABLE:
            return EndReason.UNAVAILABLE
        case EventName.OCCUPIED:
            return EndReason.BUSY
        case EventName.FORCE_END:
            return EndReason.REVOKED
        case (
            EventName.PLACE | EventName.ALERT | EventName.ACCEPT | EventName.MOVE | EventName.REJOIN | EventName.SETTLE
        ):
            raise AssertionError(f"{event.name} cannot end a call")


def table_as_markdown() -> str:
    """The table and its diagram, for docs/architecture.md."""
    rows = ["| from | event | to | who may |", "|---|---|---|---|"]
    edges = ["```mermaid", "stateDiagram-v2"]
    for (before, event), rule in TABLE.items():
        rows.append(f"| {before or '–'} | {event} | {rule.to} | {rule.who} |")
        edges.append(f"    {before or '[*]'} --> {rule.to}: {event}")
    return "\n".join([*rows, "", *edges, "```", ""])
