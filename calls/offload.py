"""Carries synchronous database work off the event loop, onto bounded pools of threads.

Channels' own `database_sync_to_async` runs every socket's work in one thread: a query of 3 s holds everybody
for 3 s (docs/holding.md, trap 10). Here a slow query holds one thread of DATABASE_THREADS.

What keeps promises for everybody, the steward's ticks and the answer to whether we are ready, goes ahead of the
commands, in threads of its own: behind hundreds of them, leases would be renewed too late.
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

# One for the steward, and one for who asks while it waits for the database.
AHEAD_THREADS = 2

# Whoever waits for an answer waits so long, though the database neither answers nor refuses.
ANSWER_SECONDS = 10


@cache
def _commands() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.DATABASE_THREADS, thread_name_prefix="database")


@cache
def _ahead() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AHEAD_THREADS, thread_name_prefix="ahead")


def _run(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


async def offload(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work(*args, **kwargs)` in a database thread and return what it returns, or raise what it raises."""
    return await _in(_commands(), partial(work, *args, **kwargs))


async def offload_in_time(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, or `TimeoutError` after ANSWER_SECONDS: then what has begun goes on, and what waits never begins."""
    return await asyncio.wait_for(offload(work, *args, **kwargs), ANSWER_SECONDS)


async def offload_ahead(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, without waiting behind commands."""
    return await _in(_ahead(), partial(work, *args, **kwargs))


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, _run, work)
