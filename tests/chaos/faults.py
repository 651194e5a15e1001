"""What is broken, when, and how often it was."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from time import time

from tests.support.server import Server

from .crowd import Crowd
from .profile import Profile, Span
from .stack import Stack
from .telephone import Telephone

# So many parts are broken at once, if there are so many.
AT_ONCE = 2
# The stewards end what they find within some ticks.
SHOWS_AFTER_TICKS = 2

# So often each device's link or page has a fault, in seconds.
LINK_FAULT_EVERY_SECONDS = 90.0
# So many of them hit a device that is in a call.
TALKING = 0.5
# So many outages are longer than a call must outlive.
LONG = 0.05
# For so long before a cut a device's commands arrive and their answers do not.
DEAF_SECONDS = (0.5, 4.0)
# So many of the calls on a broken link have someone at the other end who waits.
PATIENT = 0.75
# A fault that only the graces survive waits for so many devices in a call, for so long.
TALKERS, GATHER_SECONDS = 16, 8.0
# How long coming back may take: the last wait before a try, and the sign-in.
RETURN_SECONDS = 10.0

# How often each fault of a link or page, beside the others.
LINK_FAULTS = {
    "link cut": 6,
    "link stalled": 3,
    "page reloaded": 2,
    "tab closed, another opened": 1,
    "link cut, answers lost": 6,
}


class Faults:
    def __init__(self, stack: Stack, crowd: Crowd, random: Random, profile: Profile) -> None:
        self._stack = stack
        self._crowd = crowd
        self._random = random
        self._profile = profile
        self._part_faults = self._faults_of_parts()
        self.count: Counter[str] = Counter(dict.fromkeys([*self._part_faults, *LINK_FAULTS], 0))
        self._bag: list[str] = []
        self._links_bag = random.sample(list(LINK_FAULTS), len(LINK_FAULTS))

    @property
    def all_dealt(self) -> bool:
        """Whether each fault has begun once."""
        return all(self.count.values())

    async def run(self) -> None:
        """Until it is to be calm; then every part is back."""
        async with asyncio.TaskGroup() as breaking:
            for _ in range(AT_ONCE):
                breaking.create_task(self._break_parts())
            breaking.create_task(self._break_links())
        self._stack.proxy.mend()

    async def _break_parts(self) -> None:
        play = self._crowd.play
        while not play.calm.is_set():
            await play.pause_of_faults(self._random.uniform(*self._profile.pause))
            if not play.calm.is_set():
                name = self._next()
                self.count[name] += 1
                await self._part_faults[name]()

    def _next(self) -> str:
        """From a bag: each once, in any order, before any comes again."""
        if not self._bag:
            self._bag = self._random.sample(list(self._part_faults), len(self._part_faults))
        return self._bag.pop()

    def _faults_of_parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        stack, profile = self._stack, self._profile

        def some(span: Span) -> float:
            return self._random.uniform(*span)

        def server() -> Server:
            return self._random.choice(stack.servers)

        return {
            "server killed (SIGKILL) and restarted": lambda: stack.restart_killed(server(), some(profile.away)),
            "server stopped (SIGTERM) and restarted": lambda: stack.restart_terminated(server(), some(profile.away)),
            "both servers killed and restarted": lambda: stack.restart_both(some(profile.away)),
            "both servers away for longer than a lease": lambda: self._under_talks(
                stack.restart_both, some(profile.away_long)
            ),
            "Redis killed and restarted, empty": lambda: stack.restart_redis(some(profile.redis_away)),
            "PostgreSQL stopped and restarted": lambda: stack.restart_postgres(some(profile.away), crash=False),
            "PostgreSQL crashed and restarted": lambda: stack.restart_postgres(some(profile.away), crash=True),
            "PostgreSQL away for longer than a lease": lambda: self._under_talks(
                partial(stack.restart_postgres, crash=False), some(profile.away_long)
            ),
            "all links cut at once": self._cut_all,
        }

    async def _under_talks(self, fault: Callable[[float], Awaitable[None]], seconds: float) -> None:
        """So many devices are in a call when it begins, if that comes about, and stay in it until it is over."""
        play = self._crowd.play
        patience_ends = time() + GATHER_SECONDS
        while True:
            talking = [phone for phone in self._crowd.phones if phone.talks]
            for phone in talking:
                play.held.update(dict.fromkeys(phone.talks, time() + seconds + RETURN_SECONDS))
            if len(talking) >= TALKERS or time() > patience_ends:
                break
            await asyncio.sleep(0.2)
        await fault(seconds)
        await asyncio.sleep(SHOWS_AFTER_TICKS * self._profile.tick)

    async def _cut_all(self) -> None:
        self._stack.proxy.cut_all()

    async def _break_links(self) -> None:
        play = self._crowd.play
        while not play.calm.is_set():
            await play.pause_of_faults(self._random.expovariate(len(self._crowd.phones) / LINK_FAULT_EVERY_SECONDS))
            whole = [phone for phone in self._crowd.phones if self._is_back(phone)]
            if whole and not play.calm.is_set():
                talking = [phone for phone in whole if phone.talks]
                hits_talk = talking and self._random.random() < TALKING
                self._break_link(self._random.choice(talking if hits_talk else whole))

    def _is_back(self, phone: Telephone) -> bool:
        """From its last outage, and its lease renewed: two in a row would be one that is longer."""
        rested = self._stack.proxy.whole_since(phone.address) + RETURN_SECONDS < time()
        return rested and phone.connected_at is not None and phone.connected_at + 2 * self._profile.tick < time()

    def _break_link(self, phone: Telephone) -> None:
        too_long = self._random.random() < LONG
        seconds = self._random.uniform(*(self._profile.too_long if too_long else self._profile.outages))
        name = self._next_of_links()
        self.count[name] += 1
        match name:
            case "link cut":
                self._wait_for(phone, seconds)
                self._stack.proxy.cut(phone.address, seconds)
            case "link stalled":
                self._wait_for(phone, seconds)
                self._stack.proxy.stall(phone.address, seconds)
            case "page reloaded":
                phone.reload()
            case "tab closed, another opened":
                self._crowd.replace_device(phone)
            case _:
                self._wait_for(phone, seconds)
                deaf = min(seconds / 2, self._random.uniform(*DEAF_SECONDS))
                self._stack.proxy.swallow(phone.address, deaf, then=seconds - deaf)

    def _next_of_links(self) -> str:
        """Each once, then as often as LINK_FAULTS says."""
        if self._links_bag:
            return self._links_bag.pop()
        return self._random.choices(list(LINK_FAULTS), list(LINK_FAULTS.values()))[0]

    def _wait_for(self, phone: Telephone, seconds: float) -> None:
        for call in phone.talks:
            if self._random.random() < PATIENT:
                self._crowd.play.held[call] = time() + seconds + RETURN_SECONDS
