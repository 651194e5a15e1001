"""The only code that changes a call.

Every act is one transaction: lock the call's row, read the clock once, let the machine decide, save what it
returned with a journal row for each transition, and deliver after commit. Who commits first wins; who comes
second meets the changed row and is refused by the machine, or by a unique constraint.

Everything here is synchronous: consumers reach it through `offload`, views, admin and commands call it.

A repeated command runs into the machine (its leg has moved on) or into a unique constraint (its journal row
exists). Only then is the receipt looked for; the ordinary path pays nothing for it.
"""

from dataclasses import replace
from datetime import datetime
from random import uniform
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from accounts.contacts import is_blocked
from accounts.models import User

from . import clock
from .core import machine
from .core.errors import AlreadyInCall, CallError, LinkClosed, NoSuchCall, NotAllowed, TooLate, WrongState
from .core.protocol import IceTrace
from .core.vocabulary import By, EventName, FailureStage, Kind, LegState, LinkState, Role
from .exchange import exchange
from .free_rows import lock_free
from .ledger import Actor, act, receipt, save, terms
from .models import Call, Guest, JournalEntry, Leg, LegQuality, Link, QualityReport

# After how long it looks to a caller who is blocked as if a device rang: as long as devices take.
SEEMING_ALERT_SECONDS = 0.2, 1.0


def place(actor: Actor, call_id: UUID, to: UUID, kind: Kind) -> UUID:
    """Call `to`. Returns the id of the call it became: another than `call_id` when they were calling already.

    Two people who call each other in the same moment both find no ringing call before they insert one. Whoever
    comes second finds the first's inside the transaction or, on PostgreSQL, may run into `ringing_pair`; either
    way they come round again and answer it.
    """
    if to == actor.person:
        raise NotAllowed("You cannot call yourself.")
    try:
        return _answer_their_ring(actor, to) or _insert(actor, call_id, to, kind)
    except (IntegrityError, _TheyRing):
        if (done := receipt(actor)) is not None:
            return done
        if (answered := _answer_their_ring(actor, to)) is not None:
            return answered
        if Leg.objects.joined().of(actor.person).exists():
            raise AlreadyInCall from None
        raise NotAllowed("Choose another id for this call.") from None


class _TheyRing(Exception):
    """The person to be called has begun to call the caller meanwhile."""


def _their_ring(actor: Actor, to: UUID) -> UUID | None:
    rings = Call.objects.filter(ringing_pair=_pair(actor.person, to), legs__user=to, legs__role=Role.CALLER)
    return rings.values_list("pk", flat=True).first()


def _answer_their_ring(actor: Actor, to: UUID) -> UUID | None:
    if (call_id := _their_ring(actor, to)) is None:
        return None
    try:
        return accept(actor, call_id)
    except TooLate:
        time_out(call_id)
    except (WrongState, NoSuchCall):
        pass  # it ended since we looked
    return None


def _insert(actor: Actor, call_id: UUID, to: UUID, kind: Kind) -> UUID:
    with transaction.atomic():
        now = clock.now()
        callee = User.objects.filter(pk=to).first()
        hidden = callee is not None and is_blocked(owner_id=to, person_id=actor.person)
        rows = [
            Leg(id=uuid4(), call_id=call_id, **_caller(actor, to, kind, now), role=Role.CALLER, device=actor.device),
            Leg(id=uuid4(), call_id=call_id, user=callee, role=Role.CALLEE, hidden=hidden),
        ]
        callee_is_busy = (
            callee is not None and not callee.call_waiting and Leg.objects.joined().filter(user=callee).exists()
        )
        # In this order: a ring of theirs that the first look sees as busy, the second sees as a ring.
        if callee_is_busy and _their_ring(actor, to) is not None:
            raise _TheyRing
        decision = machine.place(
            str(call_id),
            kind,
            caller=replace(_ringing(rows[0]), device=actor.device),
            callee=_ringing(rows[1]),
            callee_is_busy=callee_is_busy,
            now=now,
            terms=terms(),
        )
        decision = _after_place(decision, callee, now)
        row = Call(pk=call_id, ringing_pair=None if hidden or callee is None else _pair(actor.person, to))
        save(row, rows, decision, now, By.PERSON, actor, insert=True)
    if hidden:
        exchange.rouse_steward(uniform(*SEEMING_ALERT_SECONDS))
    _occupy(actor.person, but=call_id)
    return call_id


def _caller(actor: Actor, to: UUID, kind: Kind, now: datetime) -> dict[str, User | Guest]:
    """The caller's row, under the name that `Leg` has for it. Raises `NotAllowed` or `LinkClosed` for guests.

    The link is locked: of revoking and placing, one sees the other.
    """
    if actor.link is None:
        return {"user": User.objects.get(pk=actor.person)}
    link = Link.objects.select_for_update(of=("self",)).select_related("owner").get(pk=actor.link)
    if link.owner_id != to or (link.kind == Kind.VOICE and kind is not Kind.VOICE):
        raise NotAllowed("This is not what your link is for.")
    guest = Guest.objects.select_related("link").get(pk=actor.person)
    if link.state(now, guest) is not LinkState.OPEN:
        raise LinkClosed
    return {"guest": guest}


def _ringing(row: Leg) -> machine.Leg:
    row.state = LegState.RINGING
    return row.as_core()


def _after_place(decision: machine.Decision, callee: User | None, now: datetime) -> machine.Decision:
    """Nobody there to ring: missed, and the call `unavailable`; so is a closed account and an id of nobody."""
    leg = decision.call.legs[1]
    if leg.state is not LegState.RINGING:
        return decision
    if callee is not None and callee.is_active and exchange.is_reachable(callee.pk):
        return decision
    after = machine.decide(decision.call, machine.Event(EventName.UNREACHABLE, leg.id, By.SYSTEM), now, terms())
    return machine.Decision(after.call, decision.transitions + after.transitions)


def alert(actor: Actor, call_id: UUID) -> UUID:
    """A device of the callee really rings."""
    return _own(actor, call_id, EventName.ALERT)


def accept(actor: Actor, call_id: UUID, leave: UUID | None = None) -> UUID:
    """Join, bound to the actor's device, and leave the call named by `leave` for it, on whatever device it is.

    Whoever else rings this person goes on ringing or, without call waiting, is told that they are busy.
    """
    joined = _own(actor, call_id, EventName.ACCEPT) if leave is None else _switch(actor, leave, call_id)
    _occupy(actor.person, but=joined)
    return joined


def _switch(actor: Actor, leave: UUID, call_id: UUID) -> UUID:
    """In one transaction, so that who comes too late for the one call is still in the other."""

    def choose(call: machine.Call) -> machine.Event | None:
        leg = call.leg_of(str(actor.person))
        if leg is None:
            raise NoSuchCall
        joined = leg.state is LegState.JOINED
        return machine.Event(EventName.SWITCH, leg.id, By.PERSON, str(actor.person)) if joined else None

    with transaction.atomic():
        # Both rows at once and in this order: two switches that meet cannot wait for each other.
        list(Call.objects.select_for_update().filter(pk__in=(leave, call_id)).order_by("pk"))
        act(leave, By.PERSON, choose, actor=replace(actor, command=None))
        return _own(actor, call_id, EventName.ACCEPT)


def decline(actor: Actor, call_id: UUID) -> UUID:
    return _own(actor, call_id, EventName.DECLINE)


def hang_up(actor: Actor, call_id: UUID, failure: FailureStage | None = None, trace: IceTrace | None = None) -> UUID:
    """Leave. `failure` is the stage at which media failed for good; `trace` is kept with it."""
    return _own(actor, call_id, EventName.HANG_UP, failure, trace)


def move(actor: Actor, call_id: UUID) -> UUID:
    return _own(actor, call_id, EventName.MOVE)


def rejoin(actor: Actor, call_id: UUID) -> UUID:
    return _own(actor, call_id, EventName.REJOIN)


def seem_to_ring() -> None:
    """Whoever has blocked the caller is not rung, and to the caller it looks as if they were: not at once, and not
    while they want no disturbance. For the steward; harmless at any time."""
    unheard = Leg.objects.live().filter(state=LegState.RINGING, hidden=True, alerted_at=None)
    disturbed = unheard.exclude(user__do_not_disturb_until__gt=clock.now())
    for call_id, leg_id, person in disturbed.values_list("call_id", "pk", "user_id"):
        alerted = machine.Event(EventName.ALERT, str(leg_id), By.PERSON, str(person))
        try:
            act(call_id, By.PERSON, lambda _, alerted=alerted: alerted)  # type: ignore[misc]
        except CallError:
            continue  # it ended meanwhile


def time_out(call_id: UUID) -> None:
    """End every ring of this call whose deadline has passed. For the steward; harmless at any time."""
    _each_leg(call_id, LegState.RINGING, EventName.TIME_OUT, By.STEWARD)


def lose(call_id: UUID) -> None:
    """Give up every leg of this call whose lease ran out. For the steward; harmless at any time."""
    _each_leg(call_id, LegState.JOINED, EventName.LOSE, By.STEWARD)


def force_end(call_id: UUID, by: By = By.SYSTEM, actor: UUID | None = None) -> None:
    """End a live call as `revoked`; does nothing to one that has ended."""
    act(call_id, By(by), lambda call: _first_live(call, EventName.FORCE_END, by), actor_id=actor)


def force_end_calls_of(person: UUID, devices: list[str] | None = None) -> None:
    """End the live calls of a person who may no longer take part: signed out (on these devices) or closed."""
    joined = Leg.objects.joined().of(person)
    if devices is not None:
        joined = joined.filter(device__in=devices)
    for call_id in joined.values_list("call_id", flat=True):
        force_end(call_id)


def force_end_calls_by(link: UUID) -> None:
    """End the live calls of everybody who came by this link."""
    for call_id in Leg.objects.live().filter(guest__link=link).values_list("call_id", flat=True):
        force_end(call_id)


def force_end_calls_between(one: UUID, other: UUID) -> None:
    """One has blocked the other: what goes on between them ends, and neither is told why."""
    live = Leg.objects.live()
    shared = live.filter(user_id=one, call__in=live.filter(user_id=other).values("call_id"))
    for call_id in shared.values_list("call_id", flat=True):
        force_end(call_id)


def note_connection(call_id: UUID, quality: str, route: str) -> None:
    """How well and by what way its sides were connected, as they measured it. No transition: the revision stays."""
    Call.objects.filter(pk=call_id).update(quality=quality, route=route)


def forget_person(person: UUID) -> None:
    """Somebody is erased: their legs stay, for they are the others' record too, without devices or measurements."""
    legs = Leg.objects.filter(user_id=person)
    LegQuality.objects.filter(leg__in=legs).delete()
    QualityReport.objects.filter(leg__in=legs).delete()
    JournalEntry.objects.filter(leg__in=legs).update(device="", client="", trace=None)
    JournalEntry.objects.filter(actor_id=person).update(command=None)
    legs.update(device="", seen_at=None, forgotten_at=None)


def renew_leases(legs: list[UUID]) -> None:
    """Their devices are connected. No transition: the revision stays, and no leg that ended comes back. A leg that is
    being changed at this moment is renewed next time."""
    with transaction.atomic():
        joined, now, limits = Leg.objects.joined(), clock.now(), terms()
        mine = joined.filter(pk__in=lock_free(joined.filter(pk__in=legs)))
        mine.filter(call__answered_at=None).update(lease_expires_at=now + limits.caller_lease)
        mine.exclude(call__answered_at=None).update(lease_expires_at=now + limits.leg_lease)


# --- the one way in --------------------------------------------------------------------------------------


def _own(
    actor: Actor,
    call_id: UUID,
    name: EventName,
    failure: FailureStage | None = None,
    trace: IceTrace | None = None,
) -> UUID:
    """An event of the actor's own leg. Returns the call that the command changed: a repeat of one that changed another
    call than `call_id` gets that one, and leaves this alone."""

    def choose(call: machine.Call) -> machine.Event:
        leg = call.leg_of(str(actor.person))
        if leg is None:
            raise NoSuchCall
        return machine.Event(name, leg.id, By.PERSON, str(actor.person), actor.device, failure)

    try:
        act(call_id, By.PERSON, choose, actor=actor, trace=trace)
    except (CallError, IntegrityError) as error:
        if (done := receipt(actor)) is not None:
            return done
        if isinstance(error, IntegrityError):
            raise AlreadyInCall from None
        raise
    return call_id


def _each_leg(call_id: UUID, state: LegState, name: EventName, by: By) -> None:
    legs = Leg.objects.filter(call_id=call_id, state=state).values_list("pk", flat=True)
    for leg_id in legs:
        try:
            act(call_id, by, lambda call, leg=str(leg_id): machine.Event(name, leg, by))  # type: ignore[misc]
        except CallError:
            continue  # somebody was faster, or it is not due


def _first_live(call: machine.Call, name: EventName, by: By) -> machine.Event | None:
    leg = next((leg for leg in call.legs if leg.state.live), None)
    return machine.Event(name, leg.id, by) if leg else None


def _occupy(person: UUID, but: UUID) -> None:
    """This person has joined a call: without call waiting their other rings end as `busy`, each in a transaction of
    its own. Unless they have left it again: a repeated command says that they joined it once."""
    others = Leg.objects.known_to(person).filter(state=LegState.RINGING, user__call_waiting=False).exclude(call_id=but)
    ringing = list(others.values_list("call_id", flat=True))
    if ringing and Leg.objects.joined().of(person).filter(call_id=but).exists():
        for call_id in ringing:
            _each_leg_of(person, call_id)


def _each_leg_of(person: UUID, call_id: UUID) -> None:
    def choose(call: machine.Call) -> machine.Event | None:
        leg = call.leg_of(str(person))
        return machine.Event(EventName.OCCUPIED, leg.id, By.SYSTEM) if leg else None

    try:
        act(call_id, By.SYSTEM, choose)
    except CallError:
        pass  # it ended meanwhile


def _pair(one: UUID, other: UUID) -> str:
    return ":".join(sorted((str(one), str(other))))
