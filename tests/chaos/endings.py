"""Has each call exactly one ending, and does its journal tell how it came to it?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from uuid import UUID

from calls.core.machine import TABLE
from calls.core.vocabulary import CallState, EventName, LegState
from calls.models import Call, JournalEntry, Leg


def without_one_ending(told: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """What is wrong with each call that has not exactly one ending. `told`: (call, end reason) as devices were told."""
    reasons = defaultdict(set)
    for call_id, reason in told:
        reasons[call_id].add(reason)
    calls = Call.objects.prefetch_related("legs", "journal").order_by("placed_at")
    found = {str(call.pk): list(_wrong(call, reasons[str(call.pk)])) for call in calls.iterator(chunk_size=1000)}
    found |= {call_id: ["told of, and not there"] for call_id in reasons.keys() - found.keys()}
    return {call_id: wrong for call_id, wrong in found.items() if wrong}


def _wrong(call: Call, told: set[str]) -> Iterator[str]:
    if call.state != CallState.ENDED or call.ended_at is None or not call.end_reason:
        yield f"is {call.state}, ended at {call.ended_at} as {call.end_reason!r}"
    if told - {call.end_reason}:
        yield f"ended as {call.end_reason!r}, and devices were told {sorted(told)}"
    legs = {leg.pk: leg for leg in call.legs.all()}
    for leg in legs.values():
        if LegState(leg.state).live or leg.ended_at is None:
            yield f"the {leg.role} is {leg.state}, ended at {leg.ended_at}"
    yield from _wrong_journal(call, legs, list(call.journal.all()))


def _wrong_journal(call: Call, legs: dict[UUID, Leg], journal: list[JournalEntry]) -> Iterator[str]:
    """Play the journal: each leg goes by the table from nothing to what it is; the call ends with the last revision."""
    states: dict[UUID, str] = dict.fromkeys(legs, "")
    ended_at_revs = []
    for rev, entries in groupby(journal, key=lambda entry: entry.rev):
        for entry in entries:
            if entry.before != states[entry.leg_id]:
                yield f"rev {rev}: {entry.event} from {entry.before!r}, but the leg was {states[entry.leg_id]!r}"
            rule = TABLE.get((LegState(entry.before) if entry.before else None, EventName(entry.event)))
            if entry.before and (rule is None or rule.to != entry.after):
                yield f"rev {rev}: {entry.event} from {entry.before} to {entry.after} is not in the table"
            states[entry.leg_id] = entry.after
        if not _goes_on(list(states.values())):
            ended_at_revs.append(rev)
    if ended_at_revs != [call.rev]:
        yield f"the journal ends it at {ended_at_revs}, and the call's revision is {call.rev}"
    if wrong := {legs[key].role: state for key, state in states.items() if state != legs[key].state}:
        yield f"the journal says {wrong}"


def _goes_on(legs: list[str]) -> bool:
    joined = legs.count(LegState.JOINED)
    return joined >= 2 or (joined == 1 and LegState.RINGING in legs)
