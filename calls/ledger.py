"""How a change to a call is written: locked, decided by the machine, saved, journaled, delivered after commit.

For the switchboard alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction

from . import clock, events, facts
from .core import machine
from .core.errors import NoSuchCall
from .core.protocol import IceTrace
from .core.snapshot import Facts
from .core.vocabulary import By, EventName, LegState
from .exchange import exchange
from .metrics import ANSWER_SECONDS, CALLS_ENDED
from .models import Call, JournalEntry, Leg

Choose = Callable[[machine.Call], machine.Event | None]


@dataclass(frozen=True, slots=True)
class Actor:
    """Whose command it is, from which device, and its id; a guest's with the link: all from the session and socket.

    `client` is what to call the device, for the journal.
    """

    person: UUID
    device: str
    command: str | None = None
    link: UUID | None = None
    client: str = ""


def terms() -> machine.Terms:
    return machine.Terms(
        ring=timedelta(seconds=settings.CALL_RING_SECONDS),
        caller_lease=timedelta(seconds=settings.CALLER_LEASE_SECONDS),
        leg_lease=timedelta(seconds=settings.LEG_LEASE_SECONDS),
    )


def act(
    call_id: UUID,
    by: By,
    choose: Choose,
    *,
    actor: Actor | None = None,
    actor_id: UUID | None = None,
    trace: IceTrace | None = None,
) -> None:
    """Lock the call, let `choose` name the event and the machine decide. Raises what the machine raises, and
    `NoSuchCall` to whom the call is hidden from."""
    with transaction.atomic():
        try:
            row = Call.objects.select_for_update().get(pk=call_id)
        except Call.DoesNotExist:
            raise NoSuchCall from None
        rows = list(row.legs.select_related("user", "guest__link").order_by("-role"))  # the caller first
        if actor is not None and any(leg.hidden and leg.person_id == actor.person for leg in rows):
            raise NoSuchCall
        now = clock.now()
        call = row.as_core(rows)
        event = choose(call)
        if event is None:
            return
        decision = machine.decide(call, event, now, terms())
        save(row, rows, decision, now, by, actor, actor_id=actor_id, trace=trace)


def save(
    row: Call,
    rows: list[Leg],
    decision: machine.Decision,
    now: datetime,
    by: By,
    actor: Actor | None,
    *,
    actor_id: UUID | None = None,
    trace: IceTrace | None = None,
    insert: bool = False,
) -> None:
    """Write what the machine returned, and nothing else; deliver after commit."""
    if not decision.transitions:
        return
    call = decision.call
    row.kind, row.state, row.rev = call.kind, call.state, call.rev
    row.placed_at, row.ring_expires_at = call.placed_at, call.ring_expires_at
    row.answered_at, row.ended_at, row.end_reason = call.answered_at, call.ended_at, call.end_reason or ""
    row.ended_by = call.ended_by or ""
    if call.answered_at and call.ended_at:
        row.talked_seconds = round((call.ended_at - call.answered_at).total_seconds())
    if not any(leg.state is LegState.RINGING for leg in call.legs):
        row.ringing_pair = None
    row.save(force_insert=insert)

    changed = {transition.leg for transition in decision.transitions}
    for leg_row in rows:
        leg = call.leg(str(leg_row.pk))
        if insert or leg.id in changed or leg.lease_expires_at != leg_row.lease_expires_at:
            _write_leg(leg_row, leg, insert)
    JournalEntry.objects.bulk_create(
        JournalEntry(
            call=row,
            leg_id=UUID(transition.leg),
            rev=call.rev,
            at=now,
            event=transition.event,
            before=transition.before or "",
            after=transition.after,
            by=by if index == 0 else By.SYSTEM,
            **(_journal_actor(actor, actor_id) if index == 0 else {}),
            device=actor.device if actor and index == 0 else "",
            client=actor.client if actor and index == 0 else "",
            trace=msgspec.to_builtins(trace) if trace and index == 0 else None,
            command=actor.command if actor and index == 0 else None,
        )
        for index, transition in enumerate(decision.transitions)
    )
    news = facts.of(row, rows, now)
    transaction.on_commit(lambda: _tell(news, row, decision))


def _tell(news: Facts, row: Call, decision: machine.Decision) -> None:
    exchange.publish(news)
    for transition in decision.transitions:
        events.log(f"leg.{transition.event}", call=row.pk, leg=transition.leg, code=transition.after)
    if row.answered_at and any(transition.event is EventName.ACCEPT for transition in decision.transitions):
        ANSWER_SECONDS.observe((row.answered_at - row.placed_at).total_seconds())
    if row.end_reason:
        CALLS_ENDED.labels(row.end_reason).inc()
        events.log("call.ended", call=row.pk, code=row.end_reason, seconds=row.talked_seconds)


def _journal_actor(actor: Actor | None, actor_id: UUID | None) -> dict[str, UUID | None]:
    if actor is None:
        return {"actor_id": actor_id}
    return {"guest_id": actor.person} if actor.link else {"actor_id": actor.person}


def _write_leg(row: Leg, leg: machine.Leg, insert: bool) -> None:
    row.state, row.device, row.epoch = leg.state, leg.device or "", leg.epoch
    row.alerted_at, row.joined_at, row.ended_at = leg.alerted_at, leg.joined_at, leg.ended_at
    row.lease_expires_at, row.failure = leg.lease_expires_at, leg.failure or ""
    row.save(force_insert=insert)


def receipt(actor: Actor) -> UUID | None:
    """The call that this very command has changed already."""
    if actor.command is None:
        return None
    entries = JournalEntry.objects.filter(**_journal_actor(actor, None), command=actor.command)
    return entries.values_list("call_id", flat=True).first()
