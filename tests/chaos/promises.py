"""What was promised, compared with what the devices saw and what the database has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from calls.core.vocabulary import EndReason, EventName, LegState, Role
from calls.models import Call, JournalEntry, Leg

from .endings import without_one_ending
from .proxy import Outage
from .records import Answer, Life, Records, Stream
from .stack import Absence

RING_OUTLIVES_SECONDS = 12
RESUMED_SHARE = 0.99
# Who has been on line for so long is known to be by every server; after Redis was away, after one tick.
KNOWN_WITHIN_SECONDS = 2.0
# A peer message is sent again every 4 s, and which epochs are the newest is healed within 5 s.
GOT_WITHIN_SECONDS = 7.0
# From SIGTERM until a server is gone.
LEAVE_SECONDS = 10
# While PostgreSQL is away, each command is asked to try again after waiting in line for one that waits for it.
ANSWERED_WITHIN_SECONDS = 15.0
# After a part is back, before a server uses it again and what was lost, or stood in line, meanwhile is made good.
REDIS_RETURN_SECONDS, POSTGRES_RETURN_SECONDS = 5.0, 10.0

# A leg is given up within its lease, one tick and the grace of a server that started meanwhile.
GIVEN_UP_WITHIN_SECONDS = 90


@dataclass(frozen=True)
class Promise:
    """One line of the table; `broken` are the cases, of so many that were `measured`."""

    name: str
    measured: int
    found: str
    allowed: str
    kept: bool
    broken: list[str]


@dataclass(frozen=True)
class Weather:
    """When the link of each address was broken, and when Redis and PostgreSQL were away. A call must outlive `outlived`
    seconds without its link."""

    outages: dict[str, list[Outage]]
    redis_away: list[Absence]
    postgres_away: list[Absence]
    outlived: float

    def heard(self, life: Life) -> list[tuple[float, float]]:
        """When the device had a socket and the socket a link."""
        outages = [(outage.began, outage.ends) for outage in self.outages.get(life.address, [])]
        return [whole for span in life.connected for whole in _without(span, outages)]

    def with_redis(self, span: tuple[float, float]) -> Iterator[tuple[float, float]]:
        """The parts of the span in which Redis was there, and listened to."""
        return _without(span, [(away.began, away.ended + REDIS_RETURN_SECONDS) for away in self.redis_away])

    def with_postgres(self, span: tuple[float, float]) -> Iterator[tuple[float, float]]:
        return _without(span, [(away.began, away.ended + POSTGRES_RETURN_SECONDS) for away in self.postgres_away])


def _without(span: tuple[float, float], gaps: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    begins, ends = span
    marks = [at for gap in gaps for at in gap if begins < at < ends]
    for one, other in pairwise([begins, *sorted(marks), ends]):
        if not any(gap[0] <= (one + other) / 2 <= gap[1] for gap in gaps):
            yield one, other


def promises(records: Records, weather: Weather, leaving_seconds: list[float]) -> list[Promise]:
    endings = without_one_ending(records.endings)
    rings = list(_rings_that_outlived(records, weather))
    reachable, unavailable = _unavailable(records, weather)
    commands = len(records.answers)
    return [
        _none(
            "calls without exactly one ending",
            Call.objects.count(),
            [f"{c}: {'; '.join(w)}" for c, w in endings.items()],
        ),
        _none("commands acknowledged and lost", commands, _acknowledged_and_lost(records.answers)),
        _none("commands refused and yet done", commands, _refused_and_done(records.answers)),
        _none("commands never answered", commands + len(records.unanswered), records.unanswered),
        _none(
            f"commands not answered for more than {ANSWERED_WITHIN_SECONDS:g} s on a socket",
            len(records.waits),
            _not_answered(records, weather),
        ),
        _none(
            f"rings that outlived their call by more than {RING_OUTLIVES_SECONDS} s",
            len(rings),
            [f"{what}: {seconds:.1f} s" for what, seconds in rings if seconds > RING_OUTLIVES_SECONDS],
            f"the longest by {max((seconds for _, seconds in rings), default=0):.1f} s",
        ),
        _resumes(records, weather),
        _none("calls to somebody on line that were unavailable", reachable, unavailable),
        _none("peer messages that went astray", sum(len(each.got) for each in records.streams), records.astray),
        _none(
            "peer messages that were lost", sum(len(each.posted) for each in records.streams), _lost(records, weather)
        ),
        _none("devices that did not come back", len(records.returns), records.missing),
        _none("devices told not to come back", len(records.returns), [f"with {code}" for code in records.turned_away]),
        _none(
            f"servers that took more than {LEAVE_SECONDS} s to leave",
            len(leaving_seconds),
            [f"{seconds:.1f} s" for seconds in leaving_seconds if seconds > LEAVE_SECONDS],
            f"the longest {max(leaving_seconds, default=0):.1f} s",
        ),
    ]


def _none(name: str, measured: int, broken: Iterable[str], more: str = "") -> Promise:
    broken = list(broken)
    found = f"{len(broken)} of {measured}" + (f" ({more})" if more else "")
    return Promise(name, measured, found, "0", not broken, broken)


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


def _not_answered(records: Records, weather: Weather) -> Iterator[str]:
    """Those that waited for long on a socket whose link was whole, while PostgreSQL was there."""
    for wait in records.waits:
        if wait.until - wait.sent > ANSWERED_WITHIN_SECONDS:
            for begins, ends in weather.heard(records.lives[wait.device]):
                span = max(begins, wait.sent), min(ends, wait.until)
                longest = max((end - begin for begin, end in weather.with_postgres(span)), default=0.0)
                if longest > ANSWERED_WITHIN_SECONDS:
                    yield f"{wait.command} at {wait.device}: {longest:.1f} s"


def _done() -> dict[tuple[str, str], str]:
    """(person, command) → call."""
    rows = JournalEntry.objects.exclude(command=None).values_list("actor_id", "command", "call_id")
    return {(str(person), str(command)): str(call) for person, command, call in rows}


# --- rings -----------------------------------------------------------------------------------------------


def _rings_that_outlived(records: Records, weather: Weather) -> Iterator[tuple[str, float]]:
    """For how long each device that was connected, by a link that worked, showed a ring that was over."""
    rows = JournalEntry.objects.filter(before=LegState.RINGING).exclude(after=LegState.RINGING)
    over = {(str(call), str(user)): at.timestamp() for call, user, at in rows.values_list("call", "leg__user", "at")}
    heard = {device: weather.heard(records.lives[device]) for device in {ring.device for ring in records.rings}}
    for ring in records.rings:
        if (over_at := over.get((ring.call, ring.person))) is None or over_at > ring.gone:
            continue
        seconds = sum(
            max(0.0, min(ends, ring.gone) - max(begins, over_at, ring.shown)) for begins, ends in heard[ring.device]
        )
        yield f"call {ring.call} at {ring.device}", seconds


# --- resumes ---------------------------------------------------------------------------------------------


def _resumes(records: Records, weather: Weather) -> Promise:
    """Devices in a call that were away for no longer than it must outlive, and whether their leg was still joined when
    they were back. One that was given up without having been away for longer, or closed, counts as not resumed, however
    it came about."""
    resumed = sum(
        each.alive and not _away_long(records.lives[each.device], weather, each.lost, each.back or each.lost)
        for each in records.breaks
    )
    broken = []
    lost = JournalEntry.objects.filter(event=EventName.LOSE, call__answered_at__isnull=False)
    for call, device, at in lost.values_list("call", "leg__device", "at"):
        life, moment = records.lives[device], at.timestamp()
        if life.closed is not None and life.closed < moment:
            continue
        if not _away_long(life, weather, moment - GIVEN_UP_WITHIN_SECONDS, moment):
            broken.append(f"call {call} lost {device}: {_story(life, weather, moment)}")
    measured = resumed + len(broken)
    share = resumed / measured if measured else 1.0
    return Promise(
        f"resumes of outages up to {weather.outlived:g} s",
        measured,
        f"{resumed} of {measured} ({share:.1%})",
        f"≥ {RESUMED_SHARE:.0%}",
        share >= RESUMED_SHARE,
        broken,
    )


def _away_long(life: Life, weather: Weather, begins: float, ends: float) -> bool:
    """Whether the link was broken for longer than a call must survive."""
    return any(
        outage.seconds > weather.outlived and outage.began < ends and outage.ends > begins
        for outage in weather.outages.get(life.address, [])
    )


def _story(life: Life, weather: Weather, moment: float) -> str:
    """When the device was connected and when its link was broken, in seconds before it was given up."""
    spans = [(begins - moment, ends - moment) for begins, ends in life.connected if ends > moment - 90]
    broken = [(each.began - moment, each.ends - moment) for each in weather.outages.get(life.address, [])]
    return f"connected {_pairs(spans)}, link broken {_pairs([each for each in broken if each[1] > -90])}"


def _pairs(spans: list[tuple[float, float]]) -> str:
    return ", ".join(f"{begins:.1f} to {ends:.1f}" for begins, ends in spans) or "never"


# --- who is on line --------------------------------------------------------------------------------------


def _unavailable(records: Records, weather: Weather) -> tuple[int, list[str]]:
    """How many calls were placed to somebody who had a whole connection, and which were unavailable all the same."""
    heard: dict[str, list[tuple[float, float]]] = {}
    for life in records.lives.values():
        heard.setdefault(life.person, []).extend(weather.heard(life))
    reachable, broken = 0, []
    callees = Leg.objects.filter(role=Role.CALLEE).values_list(
        "user_id", "call_id", "call__placed_at", "call__end_reason"
    )
    for person, call, placed_at, reason in callees:
        moment = placed_at.timestamp()
        span = moment - KNOWN_WITHIN_SECONDS, moment
        on_line = [moment - begins for begins, ends in heard.get(str(person), []) if begins < span[0] and moment < ends]
        if on_line and list(weather.with_redis(span)) == [span]:
            reachable += 1
            if reason == EndReason.UNAVAILABLE:
                broken.append(f"call {call} to {person}, on line for {max(on_line):.1f} s")
    return reachable, broken


# --- peer messages ---------------------------------------------------------------------------------------


def _lost(records: Records, weather: Weather) -> Iterator[str]:
    """Those that were not got though both sides had a connection and this stream, and Redis was there, for so long."""
    by_key = {each.key: each for each in records.streams}
    for sent in records.streams:
        got = by_key.get(sent.key.back)
        if got is None:
            continue
        whole = list(_whole(sent, got, records, weather))
        for number, posted in enumerate(sent.posted):
            got_at = got.got[number] if number < len(got.got) else inf
            waited = max((min(ends, got_at) - max(begins, posted) for begins, ends in whole), default=0.0)
            if waited > GOT_WITHIN_SECONDS:
                yield f"{sent.key.text(number + 1)}, posted {posted:.1f}, got {got_at:.1f}: waited {waited:.1f} s"


def _whole(one: Stream, other: Stream, records: Records, weather: Weather) -> Iterator[tuple[float, float]]:
    """When both devices had this stream and a connection, and Redis was there."""
    for begins, ends in weather.heard(records.lives[one.device]):
        for begins_there, ends_there in weather.heard(records.lives[other.device]):
            begin = max(begins, begins_there, one.opened, other.opened)
            end = min(ends, ends_there, one.closed or inf, other.closed or inf)
            if end - begin > GOT_WITHIN_SECONDS:
                yield from weather.with_redis((begin, end))
