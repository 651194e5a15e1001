"""One run: the parts start, everything goes on at once, everybody hangs up, and the promises are looked at."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import django
from django.core.management import call_command
from django.db import connection

from tests.support.postgres import Postgres

django.setup()

from calls.models import Call  # noqa: E402
from calls.offload import offload  # noqa: E402
from tests.support.people import cookie_of, make_person, session_of  # noqa: E402

from .crowd import Account, Crowd  # noqa: E402
from .faults import Faults  # noqa: E402
from .promises import promises  # noqa: E402
from .records import Records  # noqa: E402
from .report import report  # noqa: E402
from .stack import Stack  # noqa: E402

CONNECT_SECONDS = 60
# A lease and the grace of a server that has just started, with room: after it no call may live.
QUIET_SECONDS = 90
# A short run does not wait for leases.
LOSE_ONE_EVERY_SECONDS = 60


def play(postgres: Postgres, people: int, calls: int, seconds: float, seed: int) -> tuple[str, bool]:
    """The table, and whether every promise was kept."""
    call_command("migrate", verbosity=0)
    accounts = [_account(number) for number in range(people)]
    connection.close()
    random, records = Random(seed), Records()
    stack = Stack(postgres, random)
    faults = asyncio.run(_run(stack, accounts, records, random, calls, seconds))
    kept = promises(records, stack.proxy.outages, stack.late_to_leave)
    text = report(records, faults.count, kept)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one
    return text, all(each.kept for each in kept)


def _account(number: int) -> Account:
    user = make_person(f"person{number}")
    return Account(user.pk, cookie_of(session_of(user)))


async def _run(
    stack: Stack, accounts: list[Account], records: Records, random: Random, calls: int, seconds: float
) -> Faults:
    own_errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: own_errors.append(about))
    crowd = Crowd(accounts, stack, records, random)
    faults = Faults(stack, crowd, random)
    try:
        await stack.start()
        crowd.open()
        await _until_connected(crowd)
        breaking = asyncio.create_task(faults.run())
        with suppress(TimeoutError):
            await asyncio.wait_for(crowd.place_calls(calls, calls / seconds), seconds)
        crowd.lose(int(seconds // LOSE_ONE_EVERY_SECONDS))
        crowd.play.closing.set()
        await breaking
        await _until_quiet()
    finally:
        crowd.close()
        await stack.stop()
    if own_errors:
        raise AssertionError(f"The chaos itself went wrong: {own_errors[:3]}")
    return faults


async def _until_connected(crowd: Crowd) -> None:
    async with asyncio.timeout(CONNECT_SECONDS):
        while not all(phone.connected_at for phone in crowd.phones):
            await asyncio.sleep(0.1)


async def _until_quiet() -> None:
    """No call lives, or none should any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_SECONDS):
            while await offload(Call.objects.live().exists):
                await asyncio.sleep(0.5)
