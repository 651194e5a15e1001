"""Carries synchronous database work off the event loop, onto a bounded pool of threads.

Channels' own `database_sync_to_async` runs every socket's work in one thread: a query of 3 s holds everybody
for 3 s (FACTS.md, trap 10). Here a slow query holds one thread of DATABASE_THREADS.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.DATABASE_THREADS, thread_name_prefix="database")


def _run(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


async def offload(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work(*args, **kwargs)` in a database thread and return what it returns, or raise what it raises."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_pool(), _run, partial(work, *args, **kwargs))
