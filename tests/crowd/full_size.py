"""`python -m tests.crowd.full_size [CALLS IDLE]`: 500 calls placed in the same second, beside 5,000 idle sockets.

No transition may be lost: every command is acknowledged, both sides are told of every change, and the database agrees.
"""

import asyncio
import resource
import sys
from collections import Counter
from time import monotonic

from django.apps import apps

from tests.support.metrics import TOKEN, values
from tests.support.server import Server

from .device import Device
from .figures import mib, say, spread
from .installation import installation
from .population import populate
from .rush import Rush, rush

CALLS, IDLE = 500, 5000

# How many knock at once. Browsers that come back do so with jitter.
DOORS = 200

# How a call that ended so leaves its caller and its callee.
LEGS = {
    "completed": {("caller", "left"), ("callee", "left")},
    "declined": {("caller", "left"), ("callee", "declined")},
    "cancelled": {("caller", "left"), ("callee", "missed")},
}


def full_size(server: Server, calls: int, idle: int) -> None:
    """Raises AssertionError if anything is lost. `server` has its metrics open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the clients' sockets are ours
    people = populate(2 * calls + idle)
    devices = [person.device(server) for person in people]
    seen = asyncio.run(_play(server, devices, calls, [person.id for person in people[calls : 2 * calls]]))
    counted = values(server)
    say(f"calls        {calls} placed within 1 s, all over after {seen.seconds:.1f} s; {seen.commands} commands")
    say(f"placing      {spread(seen.placing)}")
    say(f"ringing      {spread(seen.ringing)}")
    say(f"answering    {spread(seen.answering)}")
    ticks, took = (counted[f"earshot_steward_tick_seconds_{each}"] for each in ("count", "sum"))
    say(f"steward      {ticks:.0f} ticks, {1000 * took / ticks:.0f} ms on average")
    say(f"memory       {mib(server.memory())} at the end")
    healed = counted["earshot_bus_healed_total"]
    assert healed == 0, f"{healed:.0f} snapshots got lost on the way, and were healed by the steward."
    check_the_database(seen)


async def _play(server: Server, devices: list[Device], calls: int, ids: list[str]) -> Rush:
    """All come; the first call the second; the rest are idle, and must notice nothing."""
    doors = asyncio.Semaphore(DOORS)

    async def come(device: Device) -> None:
        async with doors:
            await device.come()

    before, began = server.memory(), monotonic()
    await asyncio.gather(*map(come, devices))
    took, each = monotonic() - began, (server.memory() - before) / len(devices)
    say(f"sockets      {len(devices)} in {took:.1f} s, {each / 1024:.0f} KiB each; {mib(before)} before")
    seen = await rush(list(zip(devices[:calls], devices[calls : 2 * calls], strict=True)), ids)
    for device in devices:
        assert not device.closes, f"A socket was closed with {device.closes}."
    for device in devices[2 * calls :]:
        assert not set(device.heard) - {"welcome", "pong"}, f"An idle one was told something: {device.heard}"
    await asyncio.gather(*(device.go() for device in devices))
    return seen


def check_the_database(seen: Rush) -> None:
    """Each call has the one ending that its people were told, and each acknowledged command stands in the journal."""
    rows = {str(call.pk): call for call in apps.get_model("calls.Call").objects.prefetch_related("legs")}
    assert rows.keys() == seen.endings.keys()
    for id_, ending in seen.endings.items():
        assert (rows[id_].state, rows[id_].end_reason) == ("ended", ending), rows[id_]
        assert {(leg.role, leg.state) for leg in rows[id_].legs.all()} == LEGS[ending], rows[id_]
    journal = apps.get_model("calls.JournalEntry").objects.exclude(command=None).values_list("command", flat=True)
    repeated = [command for command, times in Counter(journal).items() if times > 1]
    assert not repeated and len(journal) == seen.commands, (len(journal), seen.commands, repeated)


def main(calls: int = CALLS, idle: int = IDLE) -> None:
    with installation():
        server = Server(EARSHOT_METRICS_TOKEN=TOKEN, EARSHOT_STEWARD_TICK_SECONDS=None).start()
        try:
            full_size(server, calls, idle)
        finally:
            server.kill()
    say("Nothing was lost.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
