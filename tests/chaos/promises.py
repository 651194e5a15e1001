"""What was promised, compared with what the devices saw and what the database has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from calls.core.vocabulary import EventName, LegState
from calls.models import JournalEntry, Leg

from .endings import without_one_ending
from .proxy import Outage
from .records import Answer, Life, Records

RING_OUTLIVES_SECONDS = 12
RESUMED_OUTAGE_SECONDS = 20
RESUMED_SHARE = 0.99

# A leg is given up within its lease, one tick and the grace of a server that started meanwhile.
GIVEN_UP_WITHIN_SECONDS = 90


@dataclass(frozen=True)
class Promise:
    """One line of the table; `broken` are the cases."""

    name: str
    found: str
    allowed: str
    kept: bool
    broken: list[str]


def promises(records: Records, outages: dict[str, list[Outage]], late_to_leave: int) -> list[Promise]:
    """`outages`: when the link of each address was broken."""
    endings = without_one_ending(records.endings)
    rings = list(_rings_that_outlived(records, outages))
    return [
        _none("calls without exactly one ending", [f"{call}: {'; '.join(why)}" for call, why in endings.items()]),
        _none("commands acknowledged and lost", list(_acknowledged_and_lost(records.answers))),
        _none("commands refused and yet done", list(_refused_and_done(records.answers))),
        _none(
            f"rings that outlived their call by more than {RING_OUTLIVES_SECONDS} s",
            [f"{what}: {seconds:.1f} s" for what, seconds in rings if seconds > RING_OUTLIVES_SECONDS],
            f"the longest {max((seconds for _, seconds in rings), default=0):.1f} s",
        ),
        _resumes(records, outages),
        _none("devices told not to come back", [f"with {code}" for code in records.turned_away]),
        _none("servers that took more than 10 s to leave", ["on SIGTERM"] * late_to_leave),
    ]


def _none(name: str, broken: list[str], more: str = "") -> Promise:
    return Promise(name, str(len(broken)) + (f" ({more})" if more else ""), "0", not broken, broken)


# --- commands --------------------------------------------------------------------------------------------


def _acknowledged_and_lost(answers: Iterable[Answer]) -> Iterator[str]:
    """Every `ok` has its journal row, of the call that it named. A second `call.alert` of a leg changes nothing and has
    none, but then the leg has been alerted."""
    done = _done()
    alerted = {
        (str(person), str(call))
        for person, call in Leg.objects.exclude(alerted_at=None).values_list("user_id", "call_id")
    }
    for answer in answers:
        if answer.code is not None or done.get((answer.person, answer.command)) == answer.call:
            continue
        if answer.type == "call.alert" and (answer.person, str(answer.call)) in alerted:
            continue
        of = done.get((answer.person, answer.command))
        yield f"{answer.type} {answer.command} of {answer.person}: call {answer.call}; the journal has {of}"


def _refused_and_done(answers: Iterable[Answer]) -> Iterator[str]:
    done = _done()
    for answer in answers:
        if answer.code not in (None, "try_again") and (answer.person, answer.command) in done:
            yield f"{answer.type} {answer.command} of {answer.person}: {answer.code}"


def _done() -> dict[tuple[str, str], str]:
    """(person, command) → call."""
    rows = JournalEntry.objects.exclude(command=None).values_list("actor_id", "command", "call_id")
    return {(str(person), str(command)): str(call) for person, command, call in rows}


# --- rings -----------------------------------------------------------------------------------------------


def _rings_that_outlived(records: Records, outages: dict[str, list[Outage]]) -> Iterator[tuple[str, float]]:
    """For how long each device that was connected, by a link that worked, showed a ring that was over."""
    rows = JournalEntry.objects.filter(before=LegState.RINGING).exclude(after=LegState.RINGING)
    over = {(str(call), str(user)): at.timestamp() for call, user, at in rows.values_list("call", "leg__user", "at")}
    for ring in records.rings:
        if (over_at := over.get((ring.call, ring.person))) is None or over_at > ring.gone:
            continue
        life = records.lives[ring.device]
        seconds = sum(
            max(0.0, min(ends, ring.gone) - max(begins, over_at, ring.shown))
            for begins, ends in _heard(life, outages.get(life.address, []))
        )
        yield f"call {ring.call} at {ring.device}", seconds


def _heard(life: Life, outages: list[Outage]) -> Iterator[tuple[float, float]]:
    """When the device had a socket and the socket a link."""
    for begins, ends in life.connected:
        marks = [begins, *(at for outage in outages for at in (outage.began, outage.ends) if begins < at < ends), ends]
        for one, other in pairwise(sorted(marks)):
            if not any(outage.began <= (one + other) / 2 <= outage.ends for outage in outages):
                yield one, other


# --- resumes ---------------------------------------------------------------------------------------------


def _resumes(records: Records, outages: dict[str, list[Outage]]) -> Promise:
    """Devices in a call that were away for up to 20 s, and whether their leg was still joined when they were back. One
    that was given up without having been away for longer, or closed, counts as not resumed, however it came about."""
    resumed = sum(
        each.alive and not _away_long(records.lives[each.device], outages, each.lost, each.back or each.lost)
        for each in records.breaks
    )
    broken = []
    lost = JournalEntry.objects.filter(event=EventName.LOSE, call__answered_at__isnull=False)
    for call, device, at in lost.values_list("call", "leg__device", "at"):
        life, moment = records.lives[device], at.timestamp()
        if life.closed is not None and life.closed < moment:
            continue
        if not _away_long(life, outages, moment - GIVEN_UP_WITHIN_SECONDS, moment):
            broken.append(f"call {call} lost {device}: {_story(life, outages, moment)}")
    share = resumed / (resumed + len(broken)) if resumed or broken else 1.0
    return Promise(
        f"resumes of outages up to {RESUMED_OUTAGE_SECONDS} s",
        f"{share:.1%} ({resumed} of {resumed + len(broken)})",
        f"≥ {RESUMED_SHARE:.0%}",
        share >= RESUMED_SHARE,
        broken,
    )


def _away_long(life: Life, outages: dict[str, list[Outage]], begins: float, ends: float) -> bool:
    """Whether the link was broken for longer than a call must survive."""
    return any(
        outage.seconds > RESUMED_OUTAGE_SECONDS and outage.began < ends and outage.ends > begins
        for outage in outages.get(life.address, [])
    )


def _story(life: Life, outages: dict[str, list[Outage]], moment: float) -> str:
    """When the device was connected and when its link was broken, in seconds before it was given up."""
    spans = [(begins - moment, ends - moment) for begins, ends in life.connected if ends > moment - 90]
    broken = [(each.began - moment, each.ends - moment) for each in outages.get(life.address, [])]
    return f"connected {_pairs(spans)}, link broken {_pairs([each for each in broken if each[1] > -90])}"


def _pairs(spans: list[tuple[float, float]]) -> str:
    return ", ".join(f"{begins:.1f} to {ends:.1f}" for begins, ends in spans) or "never"
