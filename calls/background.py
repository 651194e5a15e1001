"""Starts and stops what a serving process runs beside its requests: the exchange's bus and the steward.

Daphne has no ASGI lifespan (docs/holding.md, trap 18), so `config.asgi` calls `start` on the first scope as well.
"""

import asyncio
from contextlib import suppress

import redis

from .exchange import exchange
from .steward import Steward

_task: asyncio.Task[None] | None = None


async def start() -> None:
    """Begin, once; later calls return at once. A process that stops begins nothing again, though requests still come
    by connections that are kept alive."""
    global _task
    if _task is None and not exchange.stopping:
        _task = asyncio.get_running_loop().create_task(Steward(exchange).run(), name="steward")
        await exchange.start()


async def stop() -> None:
    """Send the devices away, while the steward still renews their leases; then end it and leave the bus."""
    global _task
    if _task is not None:
        await exchange.send_away()
        with suppress(redis.RedisError):
            await asyncio.to_thread(exchange.presence.depart)  # which does not ask the database: that may not answer
        _task.cancel()
        with suppress(asyncio.CancelledError):
            await _task
        _task = None
        await exchange.stop()
