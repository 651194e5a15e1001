"""Made-up calls, as many as one likes: to see the call log, the overview and the history full, and to measure them.

They are written straight into the tables, in the shapes that the switchboard leaves behind. A seed gives the same.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from accounts.models import User

from .core import quality
from .core.vocabulary import (
    By,
    CallState,
    CandidateType,
    EndReason,
    EventName,
    FailureStage,
    Kind,
    LegState,
    Quality,
    Role,
    Route,
)
from .models import Call, Guest, JournalEntry, Leg, LegQuality, QualityReport

T = TypeVar("T")

BATCH = 2000

# What a day looks like: how likely a call is in each of its 24 hours, and on each weekday from Monday.
HOURS = (0, 0, 0, 0, 0, 1, 2, 6, 14, 20, 22, 20, 12, 16, 22, 22, 18, 12, 6, 4, 3, 2, 1, 0)
WEEKDAYS = (20, 22, 22, 21, 18, 3, 2)

ENDINGS: dict[EndReason, float] = {
    EndReason.COMPLETED: 70,
    EndReason.MISSED: 9,
    EndReason.UNAVAILABLE: 6,
    EndReason.DECLINED: 4,
    EndReason.CANCELLED: 5,
    EndReason.BUSY: 2,
    EndReason.FAILED: 2,
    EndReason.LOST: 1.5,
    EndReason.REVOKED: 0.5,
}
FAILURES: dict[FailureStage, float] = {
    FailureStage.ICE: 6,
    FailureStage.TURN: 1,
    FailureStage.PERMISSION: 2,
    FailureStage.DEVICE: 1,
    FailureStage.SIGNALING: 2,
    FailureStage.DTLS: 0.5,
}
CLIENTS = (
    "Chrome on Windows",
    "Firefox on Linux",
    "Safari on Mac OS X",
    "Mobile Safari on iOS",
    "Chrome Mobile on Android",
)

# The share of lines that lose 1 % on average; the others lose 12 %.
GOOD_LINES = 0.97

# The callee's leg and the event that ended it, by how the call ended.
CALLEE_ENDS = {
    EndReason.COMPLETED: (LegState.LEFT, EventName.SETTLE),
    EndReason.MISSED: (LegState.MISSED, EventName.TIME_OUT),
    EndReason.UNAVAILABLE: (LegState.MISSED, EventName.UNREACHABLE),
    EndReason.DECLINED: (LegState.DECLINED, EventName.DECLINE),
    EndReason.CANCELLED: (LegState.MISSED, EventName.SETTLE),
    EndReason.BUSY: (LegState.BUSY, EventName.OCCUPIED),
    EndReason.FAILED: (LegState.LEFT, EventName.SETTLE),
    EndReason.LOST: (LegState.LOST, EventName.LOSE),
    EndReason.REVOKED: (LegState.LEFT, EventName.FORCE_END),
}


@dataclass(slots=True)
class Rows:
    """Of some calls, one list a table."""

    calls: list[Call] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    journal: list[JournalEntry] = field(default_factory=list)
    qualities: list[LegQuality] = field(default_factory=list)
    reports: list[QualityReport] = field(default_factory=list)

    def add(self, other: "Rows") -> None:
        for name in ("calls", "legs", "journal", "qualities", "reports"):
            getattr(self, name).extend(getattr(other, name))

    def save(self) -> None:
        with transaction.atomic():
            Call.objects.bulk_create(self.calls)
            Leg.objects.bulk_create(self.legs)
            JournalEntry.objects.bulk_create(self.journal)
            LegQuality.objects.bulk_create(self.qualities)
            QualityReport.objects.bulk_create(self.reports)


class MadeUp:
    """`people` call each other, and `guests` call the owner of their link, over the `days` before `until`."""

    def __init__(
        self, people: Sequence[User], guests: Sequence[Guest], *, until: datetime, days: int, seed: int | None = None
    ) -> None:
        self._people, self._guests = list(people), list(guests)
        self._until, self._days = until, days
        self._chance = random.Random(seed)

    def save(self, count: int, *, told: int) -> None:
        """Write `count` calls; the first `told` of them with journal and samples, which cost most of the time."""
        each = self._each(count, told)
        while batch := list(islice(each, BATCH)):
            rows = Rows()
            for one in batch:
                rows.add(one)
            rows.save()

    def _each(self, count: int, told: int) -> Iterator[Rows]:
        for number in range(count):
            yield self._one(told=number < told)

    def _one(self, *, told: bool) -> Rows:
        chance = self._chance
        reason = self._of(ENDINGS)
        placed = self._moment()
        answered = placed + timedelta(seconds=chance.randint(2, 25)) if reason in _ANSWERED else None
        seconds = min(4 * 3600, round(chance.lognormvariate(5.3, 1.2))) if reason is not EndReason.FAILED else 20
        ended = answered + timedelta(seconds=seconds) if answered else placed + timedelta(seconds=self._wait(reason))
        call = Call(
            id=self._uuid(),
            kind=self._of({Kind.VIDEO: 3.0, Kind.VOICE: 2.0}),
            state=CallState.ENDED,
            rev=3,
            placed_at=placed,
            ring_expires_at=placed + timedelta(minutes=1),
            answered_at=answered,
            ended_at=ended,
            talked_seconds=seconds if answered else None,
            end_reason=reason,
            ended_by=_ENDED_BY.get(reason, By.PERSON),
        )
        caller, callee = self._legs(call, reason)
        rows = Rows(calls=[call], legs=[caller, callee])
        if told:
            rows.journal = self._journal(call, caller, callee, reason)
        if answered and reason is not EndReason.FAILED:
            relay = chance.random() < 0.12
            for leg in rows.legs:
                self._measure(call, leg, relay, rows, told=told)
            call.quality = max((Quality(each.quality) for each in rows.qualities), key=list(Quality).index)
            call.route = Route.RELAY if relay else Route.DIRECT
        return rows

    def _legs(self, call: Call, reason: EndReason) -> tuple[Leg, Leg]:
        chance = self._chance
        guest = chance.choice(self._guests) if self._guests and chance.random() < 0.08 else None
        one, other = chance.sample(self._people, 2)
        state, _event = CALLEE_ENDS[reason]
        failure = self._of(FAILURES) if reason is EndReason.FAILED else ""
        caller = Leg(
            id=self._uuid(), call=call, role=Role.CALLER, state=LegState.LEFT, device="made-up-device-0001",
            joined_at=call.placed_at, ended_at=call.ended_at, failure=failure,
            user=None if guest else one, guest=guest,
        )  # fmt: skip
        callee = Leg(
            id=self._uuid(), call=call, role=Role.CALLEE, state=state, joined_at=call.answered_at,
            ended_at=call.ended_at, seen_at=call.ended_at,
            alerted_at=None if reason is EndReason.UNAVAILABLE else call.placed_at,
            user=guest.link.owner if guest else other,
        )  # fmt: skip
        return caller, callee

    def _journal(self, call: Call, caller: Leg, callee: Leg, reason: EndReason) -> list[JournalEntry]:
        clients = self._chance.sample(CLIENTS, 2)
        trace = {"local": ["host"], "remote": ["host", "srflx"], "errors": [701]} if caller.failure else None

        def entry(
            leg: Leg, at: datetime, event: EventName, after: str, by: By = By.PERSON, **more: object
        ) -> JournalEntry:
            return JournalEntry(
                call=call, leg=leg, rev=1, at=at, event=event, after=after, by=by, actor_id=leg.user_id, **more
            )

        ended = call.ended_at or call.placed_at
        entries = [
            entry(caller, call.placed_at, EventName.PLACE, LegState.JOINED, client=clients[0]),
            entry(callee, call.placed_at, EventName.PLACE, LegState.RINGING, By.SYSTEM),
        ]
        if callee.alerted_at:
            entries.append(entry(callee, callee.alerted_at, EventName.ALERT, LegState.RINGING))
        if call.answered_at:
            entries.append(entry(callee, call.answered_at, EventName.ACCEPT, LegState.JOINED, client=clients[1]))
        if reason in (EndReason.COMPLETED, EndReason.CANCELLED, EndReason.FAILED):
            entries.append(entry(caller, ended, EventName.HANG_UP, LegState.LEFT, trace=trace))
        state, event = CALLEE_ENDS[reason]
        entries.append(entry(callee, ended, event, state, _ENDED_BY.get(reason, By.PERSON)))
        return entries

    def _measure(self, call: Call, leg: Leg, relay: bool, rows: Rows, *, told: bool) -> None:
        chance = self._chance
        trip, jitter = chance.lognormvariate(3.6, 0.7), chance.lognormvariate(1.4, 0.8)
        loss = min(0.4, chance.expovariate(120 if chance.random() < GOOD_LINES else 8))
        score = quality.mos(trip, jitter, loss)
        local = CandidateType.RELAY if relay else CandidateType.HOST
        rows.qualities.append(
            LegQuality(
                leg=leg, call=call, placed_at=call.placed_at, mos=score, quality=quality.word(score) or "",
                route=Route.RELAY if relay else Route.DIRECT, round_trip_ms=trip, jitter_ms=jitter, loss=loss,
                concealed=loss, video_loss=loss, send_kbps=1200, receive_kbps=1150, frames_per_second=30,
                width=1280, height=720,
                local=local, remote=CandidateType.SRFLX, reports=1, weights={},
            )
        )  # fmt: skip
        if not told:
            return
        samples = []
        for number in range(min(720, (call.talked_seconds or 0) // quality.SAMPLE_SECONDS)):
            wave = chance.uniform(0.7, 1.4)
            samples.append([
                5 * number, round(trip * wave, 1), round(jitter * wave, 1), round(min(1, loss * wave), 4),
                round(min(1, loss * wave), 4), round(loss, 4), round(1200 / wave), round(1150 / wave), 1280, 720, 30,
                local, CandidateType.SRFLX, 0,
            ])  # fmt: skip
        for number in range(0, len(samples), 12):
            part = samples[number : number + 12]
            at = call.placed_at + timedelta(seconds=5 * (number + len(part)))
            rows.reports.append(QualityReport(leg=leg, epoch=1, number=number // 12 + 1, at=at, samples=part))

    def _moment(self) -> datetime:
        """Some time in a working day, more likely than at night."""
        while True:
            day = self._until - timedelta(days=self._chance.randrange(self._days))
            hour = self._chance.choices(range(24), HOURS)[0]
            moment = day.replace(hour=hour, minute=self._chance.randrange(60), second=self._chance.randrange(60))
            if self._chance.random() < WEEKDAYS[day.weekday()] / max(WEEKDAYS) and moment < self._until - timedelta(
                hours=5
            ):
                return moment

    def _wait(self, reason: EndReason) -> int:
        return {EndReason.MISSED: 60, EndReason.UNAVAILABLE: 0, EndReason.BUSY: 0}.get(
            reason, self._chance.randint(3, 40)
        )

    def _of(self, weights: dict[T, float]) -> T:
        return self._chance.choices(list(weights), list(weights.values()))[0]

    def _uuid(self) -> UUID:
        return UUID(int=self._chance.getrandbits(128), version=4)


_ANSWERED = (EndReason.COMPLETED, EndReason.FAILED, EndReason.LOST, EndReason.REVOKED)
_ENDED_BY = {
    EndReason.MISSED: By.STEWARD,
    EndReason.LOST: By.STEWARD,
    EndReason.UNAVAILABLE: By.SYSTEM,
    EndReason.BUSY: By.SYSTEM,
    EndReason.REVOKED: By.ADMIN,
}
