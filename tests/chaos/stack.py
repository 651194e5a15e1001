"""The real parts: PostgreSQL, Redis, two server processes, and the proxy before them."""

import asyncio
from asyncio import Lock
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from random import Random
from subprocess import TimeoutExpired
from time import monotonic, time

from tests.support.postgres import Postgres
from tests.support.redis import Redis
from tests.support.server import Server

from .profile import Profile
from .proxy import Proxy

# Short enough that rings time out within a short run. All else is as in production.
RING_SECONDS = 15
# However slow the machine.
START_SECONDS = 150


@dataclass
class Absence:
    """When a part was away, in seconds of the wall clock."""

    began: float
    ended: float = inf

    def meets(self, begins: float, ends: float) -> bool:
        return self.began < ends and self.ended > begins


class Stack:
    """Faults of different parts overlap; those of the same one wait for each other. `…_away` tell of the past."""

    def __init__(self, postgres: Postgres, random: Random, profile: Profile) -> None:
        self.postgres = postgres
        self.redis = Redis()
        self.leaving_seconds: list[float] = []
        self.redis_away: list[Absence] = []
        self.postgres_away: list[Absence] = []
        self._locks: dict[object, Lock] = defaultdict(Lock)
        ports: list[int] = []
        self.proxy = Proxy(ports, random)
        self.origin = f"http://localhost:{self.proxy.port}"
        self.socket_url = f"ws://127.0.0.1:{self.proxy.port}/ws/"
        self.servers = [
            Server(
                REDIS_URL=self.redis.url,
                EARSHOT_ORIGINS=f"{self.origin} http://127.0.0.1:{self.proxy.port}",
                EARSHOT_CALL_RING_SECONDS=RING_SECONDS,
                EARSHOT_LEG_LEASE_SECONDS=profile.lease,
                EARSHOT_START_GRACE_SECONDS=profile.grace,
                EARSHOT_STEWARD_TICK_SECONDS=profile.tick,
            )
            for _ in range(2)
        ]
        ports += [server.port for server in self.servers]

    async def start(self) -> None:
        await asyncio.to_thread(self.redis.start)
        for server in self.servers:
            await self._serve(server)
        await self.proxy.start()

    async def stop(self) -> None:
        await self.proxy.stop()
        for server in self.servers:
            server.kill()
        self.redis.stop()

    async def restart_killed(self, server: Server, seconds: float) -> None:
        async with self._locks[server]:
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(seconds)
            await self._serve(server)

    async def restart_terminated(self, server: Server, seconds: float) -> None:
        async with self._locks[server]:
            began = monotonic()
            try:
                await asyncio.to_thread(server.terminate)
            except TimeoutExpired:
                server.kill()
            self.leaving_seconds.append(monotonic() - began)
            await asyncio.sleep(seconds)
            await self._serve(server)

    async def restart_both(self, seconds: float) -> None:
        one, other = self.servers
        async with self._locks[one], self._locks[other]:
            one.kill()
            other.kill()
            await asyncio.sleep(seconds)
            await asyncio.gather(self._serve(one), self._serve(other))

    async def restart_redis(self, seconds: float) -> None:
        async with self._absence(self.redis_away):
            await asyncio.to_thread(self.redis.stop)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.redis.start)

    async def restart_postgres(self, seconds: float, *, crash: bool) -> None:
        async with self._absence(self.postgres_away):
            await asyncio.to_thread(self.postgres.crash if crash else self.postgres.stop)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.postgres.start)

    @asynccontextmanager
    async def _absence(self, absences: list[Absence]) -> AsyncIterator[None]:
        async with self._locks[id(absences)]:
            absence = Absence(time())
            absences.append(absence)
            yield
            absence.ended = time()

    async def _serve(self, server: Server) -> None:
        """A server that starts while PostgreSQL is away leaves again; whoever runs it starts it once more."""
        while True:
            began = time()
            try:
                await asyncio.to_thread(server.start, START_SECONDS)
                break
            except AssertionError:
                server.kill()
                if not any(away.meets(began, time()) for away in self.postgres_away):
                    raise
        self.proxy.balance()
