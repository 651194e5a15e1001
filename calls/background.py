"""Starts and stops what a serving process runs beside its requests: the exchange's bus and the steward.

Daphne has no ASGI lifespan (FACTS.md, trap 18), so `config.asgi` calls `start` on the first scope as well.
"""

import asyncio
from contextlib import suppress

from .exchange import exchange
from .steward import Steward

_task: asyncio.Task[None] | None = None


async def start() -> None:
    """Begin, once; later calls return at once."""
    global _task
    if _task is None:
        _task = asyncio.get_running_loop().create_task(Steward(exchange).run(), name="steward")
        await exchange.start()


async def stop() -> None:
    """End the steward and ask the devices to come back elsewhere."""
    global _task
    if _task is not None:
        _task.cancel()
        with suppress(asyncio.CancelledError):
            await _task
        _task = None
        await exchange.stop()
