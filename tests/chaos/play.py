"""One run: the parts start, everything goes on at once, everybody hangs up, and the promises are looked at."""

import asyncio
from asyncio import FIRST_COMPLETED
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
from .profile import Profile  # noqa: E402
from .promises import GOT_WITHIN_SECONDS, Weather, promises  # noqa: E402
from .records import Records  # noqa: E402
from .report import report  # noqa: E402
from .stack import Stack  # noqa: E402

CONNECT_SECONDS = 60
# At the end of what breaks, calls go on for so long: what was said meanwhile must arrive.
CALM_SECONDS = GOT_WITHIN_SECONDS + 2
# A lease and the grace of a server that has just started, with room: after it no call may live.
QUIET_SECONDS = 90
# The last wait before a socket and the last before a command that is to be tried again, with room.
ANSWERED_SECONDS = 40
# However slow the machine: so many resumes, and each fault once, within so long at most.
ENOUGH_RESUMES, ENOUGH_SECONDS = 25, 150
# A short run does not wait for leases.
LOSE_ONE_EVERY_SECONDS = 60


def play(postgres: Postgres, profile: Profile, people: int, calls: int, seconds: float, seed: int) -> tuple[str, bool]:
    """The table, and whether every promise was kept."""
    call_command("migrate", verbosity=0)
    accounts = [_account(number) for number in range(people)]
    connection.close()
    random, records = Random(seed), Records()
    stack = Stack(postgres, random, profile)
    crowd = Crowd(accounts, stack, records, random)
    faults = Faults(stack, crowd, random, profile)
    asyncio.run(_run(stack, crowd, faults, records, calls, seconds))
    weather = Weather(stack.proxy.outages, stack.redis_away, stack.postgres_away, profile.outlived)
    kept = promises(records, weather, stack.leaving_seconds)
    text = report(records, faults.count, kept)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one
    return text, all(each.kept for each in kept)


def _account(number: int) -> Account:
    user = make_person(f"person{number}")
    return Account(user.pk, cookie_of(session_of(user)))


async def _run(stack: Stack, crowd: Crowd, faults: Faults, records: Records, calls: int, seconds: float) -> None:
    own_errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: own_errors.append(about))
    try:
        await stack.start()
        crowd.open()
        await _until_connected(crowd)
        breaking, placing, enough = (
            asyncio.create_task(each)
            for each in (faults.run(), crowd.place_calls(calls, calls / seconds), _until_enough(faults, records))
        )
        await asyncio.wait([breaking, placing], timeout=seconds, return_when=FIRST_COMPLETED)
        await asyncio.wait([breaking, enough], return_when=FIRST_COMPLETED)
        crowd.play.calm.set()
        await breaking
        await _until_connected(crowd)
        crowd.hold(CALM_SECONDS)
        await asyncio.sleep(CALM_SECONDS)
        crowd.lose(int(seconds // LOSE_ONE_EVERY_SECONDS))
        crowd.play.closing.set()
        await placing
        await _until_answered(crowd)  # first: what was to be tried again may place a call yet
        await _until_quiet()
        await _until_answered(crowd)
        records.unanswered += [command for phone in crowd.phones for command in phone.unanswered]
        records.missing += [phone.device for phone in crowd.phones if not phone.connected_at]
    finally:
        crowd.close()
        await stack.stop()
    if own_errors:
        raise AssertionError(f"The chaos itself went wrong: {own_errors[:3]}")


async def _until_connected(crowd: Crowd) -> None:
    async with asyncio.timeout(CONNECT_SECONDS):
        while not all(phone.connected_at for phone in crowd.phones):
            await asyncio.sleep(0.1)


async def _until_enough(faults: Faults, records: Records) -> None:
    """There was something to keep the promises against."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ENOUGH_SECONDS):
            while not faults.all_dealt or sum(each.alive for each in records.breaks) < ENOUGH_RESUMES:
                await asyncio.sleep(0.2)


async def _until_quiet() -> None:
    """No call lives, or none should any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_SECONDS):
            while await offload(Call.objects.live().exists):
                await asyncio.sleep(0.5)


async def _until_answered(crowd: Crowd) -> None:
    """Everybody is back, and no command waits, or none should any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWERED_SECONDS):
            while not all(phone.connected_at and not phone.unanswered for phone in crowd.phones):
                await asyncio.sleep(0.1)
