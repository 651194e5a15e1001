"""The real parts: PostgreSQL, Redis, two server processes, and the proxy before them."""

import asyncio
from random import Random
from subprocess import TimeoutExpired

from tests.support.postgres import Postgres
from tests.support.redis import Redis
from tests.support.server import Server

from .proxy import Proxy

# Short enough that rings time out within a short run. All else is as in production.
RING_SECONDS = 15


class Stack:
    def __init__(self, postgres: Postgres, random: Random) -> None:
        self.postgres = postgres
        self.redis = Redis()
        self.late_to_leave = 0
        ports: list[int] = []
        self.proxy = Proxy(ports, random)
        self.origin = f"http://localhost:{self.proxy.port}"
        self.socket_url = f"ws://127.0.0.1:{self.proxy.port}/ws/"
        self.servers = [
            Server(
                REDIS_URL=self.redis.url,
                EARSHOT_ORIGINS=f"{self.origin} http://127.0.0.1:{self.proxy.port}",
                EARSHOT_CALL_RING_SECONDS=RING_SECONDS,
                EARSHOT_START_GRACE_SECONDS=30,
                EARSHOT_STEWARD_TICK_SECONDS=None,
            )
            for _ in range(2)
        ]
        ports += [server.port for server in self.servers]

    async def start(self) -> None:
        await asyncio.to_thread(self.redis.start)
        for server in self.servers:
            await asyncio.to_thread(server.start)
        await self.proxy.start()

    async def stop(self) -> None:
        await self.proxy.stop()
        for server in self.servers:
            server.kill()
        self.redis.stop()

    async def restart_killed(self, server: Server, seconds: float) -> None:
        server.kill()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(server.start)

    async def restart_terminated(self, server: Server, seconds: float) -> None:
        try:
            await asyncio.to_thread(server.terminate)
        except TimeoutExpired:
            self.late_to_leave += 1
            server.kill()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(server.start)

    async def restart_both(self, seconds: float) -> None:
        for server in self.servers:
            server.kill()
        await asyncio.sleep(seconds)
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in self.servers))

    async def restart_redis(self, seconds: float) -> None:
        self.redis.stop()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.redis.start)

    async def restart_postgres(self, seconds: float, *, crash: bool) -> None:
        await asyncio.to_thread(self.postgres.crash if crash else self.postgres.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.postgres.start)
