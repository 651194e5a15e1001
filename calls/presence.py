"""Who is on line, across processes, and what else may be said of a person.

A process knows the devices connected to it at once, and those of the others from Redis, where each process
keeps a hash of its people that expires unless its steward renews it: a process that is killed takes its
people off line within HERE_SECONDS. Without Redis there is one process, and nothing to share.
"""

from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from uuid import uuid4

import redis
from django.conf import settings

from .core.protocol import PresenceView
from .core.vocabulary import Presence as Status
from .processes import note_process

# Someone whose last socket closed is still on line for so long: a reload or a switch of network is no absence.
LINGER_SECONDS = 5

# How long a silent process's people stay on line: several ticks of the steward.
HERE_SECONDS = 15

PROCESSES = "earshot:processes"


@dataclass(slots=True)
class Known:
    """What the database says of people: refreshed by the steward, moments as monotonic seconds."""

    in_call_since: dict[str, float] = field(default_factory=dict)
    undisturbed_until: dict[str, float] = field(default_factory=dict)


class Presence:
    """The people of this process and, through Redis, of the others. Reading it is safe from any thread."""

    def __init__(self, redis_url: str | None) -> None:
        self._redis_url = redis_url
        self._process = uuid4().hex
        self._here: dict[str, dict[str, bool]] = {}  # person -> device -> idle
        self._left_at: dict[str, float] = {}
        self._announced_at: dict[str, float] = {}
        self._written: Set[str] = frozenset()
        self._elsewhere: dict[str, bool] = {}  # person -> idle
        self._others: dict[str, tuple[float, Mapping[str, str]]] = {}  # process -> when it was there, its people
        self._last_seen: dict[str, float] = {}
        self.known = Known()

    def arrived(self, person: str, device: str) -> None:
        self._here.setdefault(person, {})[device] = False
        self._left_at.pop(person, None)

    def left(self, person: str, device: str) -> None:
        devices = self._here.get(person, {})
        devices.pop(device, None)
        if not devices:
            self._here.pop(person, None)
            self._left_at[person] = self._last_seen[person] = monotonic()

    def set_idle(self, person: str, device: str, idle: bool) -> bool:
        """Whether that was news."""
        devices = self._here.get(person, {})
        news = device in devices and devices[device] != idle
        if news:
            devices[device] = idle
        return news

    def people_here(self) -> list[str]:
        return list(self._here)

    def is_reachable(self, person: str) -> bool:
        """Whether a device of this person is on line in any process. Asks Redis if none is here."""
        if self._is_here(person) or person in self._elsewhere:
            return True
        return self._redis is not None and self._is_elsewhere(person)

    def views(self, people: Iterable[str]) -> list[PresenceView]:
        return [self._view(person) for person in people]

    def _view(self, person: str) -> PresenceView:
        now = monotonic()
        if not self._is_here(person) and person not in self._elsewhere:
            seen = self._last_seen.get(person)
            return PresenceView(person, Status.OFFLINE, None if seen is None else round(now - seen))
        if (since := self.known.in_call_since.get(person)) is not None:
            return PresenceView(person, Status.IN_CALL, max(0, round(now - since)))
        if (until := self.known.undisturbed_until.get(person, now)) > now:
            return PresenceView(person, Status.DO_NOT_DISTURB, round(until - now))
        idle = [*self._here.get(person, {}).values()]
        if person in self._elsewhere:
            idle.append(self._elsewhere[person])
        return PresenceView(person, Status.AWAY if idle and all(idle) else Status.ONLINE)

    def _is_here(self, person: str) -> bool:
        left_at = self._left_at.get(person)
        return person in self._here or (left_at is not None and monotonic() < left_at + LINGER_SECONDS)

    # --- with other processes, synchronous: call it off the event loop ---------------------------------

    def ping(self) -> None:
        """Raises `redis.RedisError` when Redis is away."""
        if self._redis is not None:
            self._redis.ping()

    def depart(self) -> None:
        """This process stops: its people linger as after any closed socket, and come back elsewhere."""
        if self._redis is not None:
            self._redis.expire(self._key, LINGER_SECONDS)

    @cached_property
    def _redis(self) -> "redis.Redis | None":
        if not self._redis_url:
            return None
        return redis.Redis.from_url(self._redis_url, decode_responses=True, socket_timeout=2)

    @property
    def _key(self) -> str:
        return _key(self._process)

    def announce(self, person: str) -> None:
        """Tell the others at once that this person is here; the next `exchange_with_others` would be late. While Redis
        is away it has to do: nobody is kept out for that."""
        if self._redis is None:
            return
        self._announced_at[person] = monotonic()
        with suppress(redis.RedisError), self._redis.pipeline() as pipe:
            pipe.hset(self._key, person, "0")
            pipe.expire(self._key, HERE_SECONDS)
            pipe.sadd(PROCESSES, self._process)
            pipe.execute()

    def exchange_with_others(self) -> None:
        """Write who is here, read who is elsewhere. Raises `redis.RedisError` when Redis is away."""
        self._forget()
        if self._redis is None:
            return
        mine = self._mine()
        with self._redis.pipeline() as pipe:
            if gone := self._written - mine.keys():  # and not whoever is announced at this moment
                pipe.hdel(self._key, *gone)
            if mine:
                pipe.hset(self._key, mapping=mine)
                pipe.expire(self._key, HERE_SECONDS)
            pipe.sadd(PROCESSES, self._process)
            pipe.smembers(PROCESSES)
            others = sorted(pipe.execute()[-1] - {self._process})
        self._written = mine.keys()
        now = monotonic()
        for process, people in zip(others, self._people_of(others), strict=True):
            if not people:
                self._redis.srem(PROCESSES, process)
            self._others[process] = (now, people)
        # One that Redis does not know at all is there still if Redis lost its memory: it writes again when it ticks.
        self._others = {process: each for process, each in self._others.items() if now - each[0] < LINGER_SECONDS}
        elsewhere: dict[str, bool] = {}
        for _, people in self._others.values():
            for person, idle in people.items():
                elsewhere[person] = elsewhere.get(person, True) and idle == "1"
        self._elsewhere = elsewhere
        note_process(self._redis, self._process)

    def _mine(self) -> dict[str, str]:
        """Who is here, about to be, or lingers; and whether idle."""
        mine = dict.fromkeys([*self._left_at, *self._announced_at], "0")
        return mine | {person: str(int(all(idle.values()))) for person, idle in list(self._here.items())}

    def _people_of(self, processes: list[str]) -> list[Mapping[str, str]]:
        assert self._redis is not None
        with self._redis.pipeline() as pipe:
            for process in processes:
                pipe.hgetall(_key(process))
            return pipe.execute()

    def _is_elsewhere(self, person: str) -> bool:
        assert self._redis is not None
        processes = self._redis.smembers(PROCESSES)
        with self._redis.pipeline() as pipe:
            for process in processes:  # type: ignore[union-attr]
                pipe.hexists(_key(process), person)
            return any(pipe.execute())

    def _forget(self) -> None:
        """Who left, or was announced, long ago; but not who is in the hash and was never written by a tick: that would
        keep them there for good."""
        now = monotonic()
        for moments in (self._left_at, self._announced_at):
            for person, at in list(moments.items()):
                unwritten = moments is self._announced_at and person not in self._written
                if now - at >= LINGER_SECONDS and moments.get(person) == at and not unwritten:
                    moments.pop(person, None)


def _key(process: str) -> str:
    return f"earshot:here:{process}"


presence = Presence(settings.REDIS_URL)
