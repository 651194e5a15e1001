"""What is broken, when, and how often it was."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from random import Random
from time import time

from .crowd import Crowd
from .stack import Stack
from .telephone import Telephone

PROCESS_PAUSE_SECONDS = (1.0, 4.0)
AWAY_SECONDS, REDIS_AWAY_SECONDS = (0.0, 6.0), (0.0, 15.0)

# So often each device's link or page has a fault, in seconds.
LINK_FAULT_EVERY_SECONDS = 90.0
# So many of them hit a device that is in a call.
TALKING = 0.5
# An outage that a call survives; some are longer.
SHORT_SECONDS, LONG_SECONDS = (0.1, 20.0), (25.0, 40.0)
LONG = 0.05
# For so long before a cut a device's commands arrive and their answers do not.
DEAF_SECONDS = (0.5, 4.0)
# So many of the calls on a broken link have someone at the other end who waits.
PATIENT = 0.75
# How long coming back may take: the last wait before a try, and the sign-in.
RETURN_SECONDS = 10.0


class Faults:
    def __init__(self, stack: Stack, crowd: Crowd, random: Random) -> None:
        self.count: Counter[str] = Counter()
        self._stack = stack
        self._crowd = crowd
        self._random = random

    async def run(self) -> None:
        """Until the play ends; then every part is back."""
        await asyncio.gather(self._break_processes(), self._break_links())
        self._stack.proxy.mend()

    async def _break_processes(self) -> None:
        play = self._crowd.play
        while not play.closing.is_set():
            await play.pause(self._random.uniform(*PROCESS_PAUSE_SECONDS))
            if not play.closing.is_set():
                name, fault = self._process_fault()
                self.count[name] += 1
                await fault

    def _process_fault(self) -> tuple[str, Awaitable[None]]:
        stack, server = self._stack, self._random.choice(self._stack.servers)
        away, redis_away = self._random.uniform(*AWAY_SECONDS), self._random.uniform(*REDIS_AWAY_SECONDS)
        match self._random.choices(range(7), weights=(5, 4, 1, 3, 2, 2, 1))[0]:
            case 0:
                return "server killed (SIGKILL) and restarted", stack.restart_killed(server, away)
            case 1:
                return "server stopped (SIGTERM) and restarted", stack.restart_terminated(server, away)
            case 2:
                return "both servers killed and restarted", stack.restart_both(away)
            case 3:
                return "Redis killed and restarted, empty", stack.restart_redis(redis_away)
            case 4:
                return "PostgreSQL stopped and restarted", stack.restart_postgres(away, crash=False)
            case 5:
                return "PostgreSQL crashed and restarted", stack.restart_postgres(away, crash=True)
            case _:
                return "all links cut at once", self._cut_all()

    async def _cut_all(self) -> None:
        self._stack.proxy.cut_all()

    async def _break_links(self) -> None:
        play = self._crowd.play
        while not play.closing.is_set():
            await play.pause(self._random.expovariate(len(self._crowd.phones) / LINK_FAULT_EVERY_SECONDS))
            whole = [phone for phone in self._crowd.phones if self._is_back(phone)]
            if whole and not play.closing.is_set():
                talking = [phone for phone in whole if phone.talks]
                hits_talk = talking and self._random.random() < TALKING
                self._break_link(self._random.choice(talking if hits_talk else whole))

    def _is_back(self, phone: Telephone) -> bool:
        """From its last outage: two in a row would be one that is longer."""
        rested = self._stack.proxy.whole_since(phone.address) + RETURN_SECONDS < time()
        return rested and phone.connected_at is not None

    def _break_link(self, phone: Telephone) -> None:
        seconds = self._random.uniform(*(LONG_SECONDS if self._random.random() < LONG else SHORT_SECONDS))
        match self._random.choices(range(5), weights=(6, 3, 2, 1, 6))[0]:
            case 0:
                self.count["link cut"] += 1
                self._wait_for(phone, seconds)
                self._stack.proxy.cut(phone.address, seconds)
            case 1:
                self.count["link stalled"] += 1
                self._wait_for(phone, seconds)
                self._stack.proxy.stall(phone.address, seconds)
            case 2:
                self.count["page reloaded"] += 1
                phone.reload()
            case 3:
                self.count["tab closed, another opened"] += 1
                self._crowd.replace_device(phone)
            case _:
                self.count["link cut, answers lost"] += 1
                self._wait_for(phone, seconds)
                deaf = min(seconds / 2, self._random.uniform(*DEAF_SECONDS))
                self._stack.proxy.swallow(phone.address, deaf, then=seconds - deaf)

    def _wait_for(self, phone: Telephone, seconds: float) -> None:
        for call in phone.talks:
            if self._random.random() < PATIENT:
                self._crowd.play.held[call] = time() + seconds + RETURN_SECONDS
