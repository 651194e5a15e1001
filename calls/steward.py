"""The one background task of each process: deadlines, leases, healing.

Every STEWARD_TICK_SECONDS, in one hop off the event loop: renew the leases of the legs whose devices are
connected here; end rings and leases that are over; find live calls that a local device has not seen the newest
of, and calls that ended unseen; check that the sessions of the sockets still sign somebody in and that no account
was closed, and end the calls of those who may not stay. Then, on the loop, deliver what was found.

Timers only make things prompt; this makes them certain, in whichever process is alive. Acts of two stewards
at once do no harm: the switchboard lets one through.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Coalesce

from accounts.models import User

from . import chores, clock, facts, identity, switchboard
from .core.snapshot import Facts
from .core.vocabulary import CallState, CloseCode, Presence
from .exchange import Exchange
from .free_rows import lock_free
from .metrics import CALLS, FAILED_TICKS, HEALED, LAST_TICK, TICK_SECONDS
from .models import Call, Leg
from .offload import offload, offload_ahead
from .presence import Known

logger = logging.getLogger(__name__)

# Signing out is told at once, and sessions that expired or were deleted and accounts that were closed past all signals
# are found by every tick. In so many ticks each session is opened once: it may be there still and sign nobody in, for
# a password was changed.
IDENTIFY_TICKS = 5
LAST_SEEN_EVERY_TICKS = 60

# A session that seems to be over is looked at again so soon, and only then believed to be.
SECOND_LOOK_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Roster:
    """What a process holds, as plain values for the database thread. `revs` is by person and call, and the lowest that
    any device of theirs was sent, which is 0 if one was sent none."""

    devices: set[tuple[str, str]]
    signed_out: set[tuple[str, str]]
    sessions: set[str]
    revs: dict[tuple[str, str], int]


@dataclass(slots=True)
class Findings:
    """What a tick found: calls to deliver, people whose account was closed, sessions that are or seem over, and what
    presence must know."""

    calls: list[Facts] = field(default_factory=list)
    closed: list[UUID] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    suspects: set[str] = field(default_factory=set)
    known: Known = field(default_factory=Known)
    live: dict[str, int] = field(default_factory=dict)


class Steward:
    """`run` it as a task. Leases are not ended before `START_GRACE_SECONDS` after the start, nor after the
    database was away or did not answer for long: first the devices get the time to come back, and the other
    processes to renew what they could not either."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._ticks = 0
        self._statuses: dict[str, Presence] = {}
        self._suspects: set[str] = set()
        self._lose_from = monotonic() + settings.START_GRACE_SECONDS
        self._swept_at: datetime | None = None
        self._chores: asyncio.Task[None] | None = None
        self._chores_from = monotonic() + settings.CHORES_SECONDS

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._exchange.urgent.wait(), settings.STEWARD_TICK_SECONDS)
            self._exchange.urgent.clear()
            try:
                await self.tick()
            except Exception:  # the database or Redis is away, or a bug: the next tick must come all the same
                FAILED_TICKS.inc()
                logger.exception("The steward's tick failed; leases are spared for now.")
                self._spare_leases()

    async def tick(self) -> None:
        self._ticks += 1
        began = monotonic()
        self._close_silent_and_old()
        roster = self._roster()
        found = await offload_ahead(self._work, roster)
        self._exchange.signed_out -= roster.signed_out
        HEALED.inc(sum(self._exchange.deliver(each) for each in found.calls))
        self._sign_out_over(found)
        self._exchange.presence.known = found.known
        self._show_presence()
        self._exchange.renew_relay_credentials()
        self._begin_chores()
        for state, count in found.live.items():
            CALLS.labels(state).set(count)
        TICK_SECONDS.observe(monotonic() - began)
        LAST_TICK.set_to_current_time()

    def _begin_chores(self) -> None:
        """Beside the ticks, which must not wait for them."""
        if monotonic() >= self._chores_from and (self._chores is None or self._chores.done()):
            self._chores_from = monotonic() + settings.CHORES_SECONDS
            self._chores = asyncio.get_running_loop().create_task(_do_chores(), name="chores")

    def _sign_out_over(self, found: Findings) -> None:
        for person in found.closed:
            self._exchange.sign_out(person=person)
        for session in found.expired | (found.suspects & self._suspects):
            self._exchange.sign_out(session=session)
        self._suspects = found.suspects - self._suspects
        if self._suspects:
            asyncio.get_running_loop().call_later(SECOND_LOOK_SECONDS, self._exchange.urgent.set)

    def _show_presence(self) -> None:
        """Whoever is not as they were at the last tick: other processes, the database and time itself change it."""
        watched = sorted({person for device in self._exchange.devices() for person in device.watched})
        statuses = {view.id: view.status for view in self._exchange.presence.views(watched)}
        self._exchange.show_presence(id_ for id_, status in statuses.items() if self._statuses.get(id_) != status)
        self._statuses = statuses

    def _roster(self) -> Roster:
        devices: set[tuple[str, str]] = set()
        sessions: set[str] = set()
        revs: dict[tuple[str, str], int] = {}
        for person, theirs in self._exchange.by_person().items():
            for device in theirs:
                devices.add((person, device.id))
                sessions.add(device.session)
            for call_id in {call_id for device in theirs for call_id in device.sent}:
                revs[person, call_id] = min(device.sent.get(call_id, 0) for device in theirs)
        return Roster(devices, set(self._exchange.signed_out), sessions, revs)

    def _close_silent_and_old(self) -> None:
        """A page that has not spoken for DEAD_SECONDS is dead, whatever its socket says."""
        now = monotonic()
        for device in self._exchange.devices():
            if device.heard_at < now - settings.DEAD_SECONDS and not device.hidden:
                device.close(CloseCode.SILENT)
            elif device.leaves_at < now:
                device.close(CloseCode.MOVE_ON)

    def _spare_leases(self) -> None:
        self._lose_from = monotonic() + settings.START_GRACE_SECONDS

    # --- off the loop ------------------------------------------------------------------------------------

    def _work(self, roster: Roster) -> Findings:
        try:
            return self._look(roster)
        finally:  # while the database is away, too, its people are on line
            self._exchange_presence()

    def _look(self, roster: Roster) -> Findings:
        for person, device in roster.signed_out:
            switchboard.force_end_calls_of(UUID(person), [device])
        # Here before now, so that nothing of ours is taken for lost because we were slow.
        people = {person for person, _ in roster.devices}
        # Everybody's live legs: they are fewer than those who are here.
        live = Leg.objects.live().values_list(
            "pk", Coalesce("user_id", "guest_id"), "device", "call_id", "call__rev", "hidden"
        )
        legs = [(pk, str(person), *more) for pk, person, *more in live if str(person) in people]
        mine = [pk for pk, person, device, *_ in legs if (person, device) in roster.devices]
        if mine:
            switchboard.renew_leases(mine)
        now = clock.now()
        if self._swept_at is not None and (silent := now - self._swept_at) > bearable_silence():
            logger.warning("The last look at the calls was %s ago; leases are spared for now.", silent)
            self._spare_leases()
        self._swept_at = now
        sweep(now, lose=monotonic() >= self._lose_from)
        switchboard.seem_to_ring()

        found = Findings(known=_known(), live=_live())
        revs = {(person, str(call_id)): rev for _, person, _, call_id, rev, hidden in legs if not hidden}
        stale = {call_id for (person, call_id), rev in revs.items() if roster.revs.get((person, call_id), 0) < rev}
        ended = {call_id for _, call_id in roster.revs.keys() - revs.keys()}
        if stale or ended:
            found.calls = facts.load(stale | ended)
        found.closed = list(User.objects.filter(pk__among=people, is_active=False).values_list("pk", flat=True))
        turn = self._ticks % IDENTIFY_TICKS
        theirs = {session for session in roster.sessions if hash(session) % IDENTIFY_TICKS == turn}
        found.expired, found.suspects = identity.over(roster.sessions, theirs | self._suspects)
        if self._ticks % LAST_SEEN_EVERY_TICKS == 0 and people:
            note_seen(people)
        return found

    def _exchange_presence(self) -> None:
        try:
            self._exchange.presence.exchange_with_others()
        except redis.RedisError:  # then the bus loses news as well, and what was found is needed most
            logger.warning("Redis is away: who is on line elsewhere stays as it was.", exc_info=True)


def note_seen(people: set[str]) -> None:
    """They are on line, here and perhaps in another process, whose steward notes the same."""
    with transaction.atomic():
        free = lock_free(User.objects.filter(pk__among=people))
        User.objects.filter(pk__among=free).update(last_seen_at=clock.now())


def bearable_silence() -> timedelta:
    """How long nobody may have renewed a lease before all of them are in doubt.

    After a longer one, of a database that did not answer or a machine that slept, the process that wakes first would
    end the leases of the others. Each renews at every tick, so this is what was left of the shortest lease.
    """
    return timedelta(
        seconds=min(settings.CALLER_LEASE_SECONDS, settings.LEG_LEASE_SECONDS) - settings.STEWARD_TICK_SECONDS
    )


async def _do_chores() -> None:
    try:
        await offload(chores.do_due)
    except Exception:  # the database is away: they are due still when it is back
        logger.exception("The chores could not be begun.")


def sweep(now: datetime, *, lose: bool = True) -> None:
    """End every ring and, if `lose`, every lease whose time is over, in whatever process they began."""
    for call_id in Call.objects.ringing().filter(ring_expires_at__lte=now).values_list("pk", flat=True):
        switchboard.time_out(call_id)
    if lose:
        for call_id in set(Leg.objects.joined().filter(lease_expires_at__lte=now).values_list("call_id", flat=True)):
            switchboard.lose(call_id)


def _live() -> dict[str, int]:
    """How many calls ring and go on, in all."""
    counted = dict(Call.objects.live().values_list("state").annotate(Count("pk")).order_by())
    return {state: counted.get(state, 0) for state in (CallState.RINGING, CallState.ACTIVE)}


def _known() -> Known:
    """Who is in a call, and who asked not to be disturbed: in all, not only of our sockets."""
    now, instant = clock.now(), monotonic()
    joined = Leg.objects.joined().filter(user__isnull=False, hidden=False)
    return Known(
        in_call_since={
            str(user): instant - max(timedelta(), now - (answered or now)).total_seconds()
            for user, answered in joined.values_list("user_id", "call__answered_at")
        },
        undisturbed_until={
            str(pk): instant + (until - now).total_seconds()  # type: ignore[operator]  # the filter leaves no NULL
            for pk, until in User.objects.filter(do_not_disturb_until__gt=now).values_list("pk", "do_not_disturb_until")
        },
    )
