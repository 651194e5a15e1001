"""`python -m tests.crowd.neighbours [REPETITIONS SECONDS]`: what a deaf page and a flood cost everybody else.

A neighbourhood lives by itself, beside a page that asks for much and reads nothing, and beside one that sends a
thousand frames a second, in turn and again and again. Those are closed, and come again. After each there is a process
that uses as much of the processor and leaves the server alone: on few cores, that alone makes everybody later.

Exits with 1 if others' 99th percentile, in each circumstance the median of its rounds, grows to more than TIMES.
"""

import asyncio
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from tests.support.metrics import TOKEN, values
from tests.support.server import ROOT, Server, cpu_seconds
from tests.support.wait import until

from .figures import percentile, say
from .installation import installation
from .neighbourhood import Neighbourhood
from .population import Inhabitant, populate

REPETITIONS, SECONDS = 5, 15

# Of so many people, in pairs, so many pairs talk: 400 messages and 40 commands a second.
PEOPLE, TALKING = 80, 20

# How each is closed.
CODES = {"deaf": 4002, "flood": 4504}

# What others' 99th percentile may grow to.
TIMES = 3


@dataclass(frozen=True, slots=True)
class Round:
    """Others' 99th percentiles in seconds; shares of a core; how often the culprit was closed."""

    messages: float
    commands: float
    server: float
    culprit: float
    closed: float


@contextmanager
def culprit(how: str, *arguments: object) -> Iterator[int]:
    """The id of its process, which is there already."""
    command = [sys.executable, "-m", "tests.crowd.culprit", how, *map(str, arguments)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert running.stdout is not None
    with running.stdout as said:
        said.readline()
        try:
            yield running.pid
            if running.poll() is not None:
                raise AssertionError("The culprit has stopped by itself.")
        finally:
            running.kill()
            running.wait()


@contextmanager
def bad_page(how: str, server: Server, person: Inhabitant) -> Iterator[int]:
    with culprit(how, server.socket_url, server.origin, person.cookie) as pid:
        yield pid


def closes(server: Server) -> dict[int, float]:
    """How many sockets it has closed with each code."""
    name = "earshot_closed_sockets_total code="
    return {int(key.removeprefix(name)): n for key, n in values(server).items() if key.startswith(name)}


class Measurement:
    """Rounds by circumstance."""

    def __init__(self, server: Server, person: Inhabitant, neighbourhood: Neighbourhood, seconds: int) -> None:
        self.rounds: defaultdict[str, list[Round]] = defaultdict(list)
        self._server, self._person = server, person
        self._neighbourhood = neighbourhood
        self._seconds = seconds

    async def repeat(self) -> None:
        for how in CODES:
            await self._live("alone")
            with bad_page(how, self._server, self._person) as pid:
                await self._live(how, pid)
            if not self.rounds[how][-1].closed:
                raise AssertionError(f"A {how} page was not closed.")
            until(lambda: values(self._server)["earshot_sockets of=members"] == PEOPLE, "the culprit's end")
            with culprit("busy", self.rounds[how][-1].culprit) as pid:
                await self._live(f"busy as {how}", pid)

    async def _live(self, name: str, pid: int | None = None) -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(self._seconds, over.set)
        before = self._used(pid)
        closed = sum(closes(self._server).values())
        heard = await self._neighbourhood.live(over)
        shares = [(after - since) / self._seconds for after, since in zip(self._used(pid), before, strict=True)]
        closed = sum(closes(self._server).values()) - closed
        late = [percentile(each, 99) for each in (heard.messages, heard.commands)]
        self.rounds[name].append(Round(*late, *shares, closed))
        say(line(name, self.rounds[name][-1]))

    def _used(self, pid: int | None) -> tuple[float, float]:
        return self._server.cpu_seconds(), cpu_seconds(pid) if pid else 0


def line(name: str, seen: Round) -> str:
    return (
        f"  {name:14} messages {1000 * seen.messages:6.1f} ms  commands {1000 * seen.commands:6.1f} ms  "
        f"server {seen.server:4.0%}  culprit {seen.culprit:4.0%}, closed {seen.closed:.0f} times"
    )


def typical(rounds: list[Round]) -> Round:
    """The median of each figure."""
    columns = zip(*((r.messages, r.commands, r.server, r.culprit, r.closed) for r in rounds), strict=True)
    return Round(*map(median, columns))


async def measure(server: Server, people: list[Inhabitant], repetitions: int, seconds: int) -> dict[str, Round]:
    """By circumstance. Raises AssertionError if anybody is refused or cut, or anything is lost."""
    neighbourhood = Neighbourhood(server, people[:PEOPLE], TALKING)
    await neighbourhood.come()
    measurement = Measurement(server, people[PEOPLE], neighbourhood, seconds)
    for _ in range(repetitions):
        await measurement.repeat()
    await neighbourhood.go()
    assert closes(server).keys() == set(CODES.values())
    return {name: typical(rounds) for name, rounds in measurement.rounds.items()}


def main(repetitions: int = REPETITIONS, seconds: int = SECONDS) -> bool:
    """Whether all of it is within TIMES."""
    with installation():
        server = Server(EARSHOT_METRICS_TOKEN=TOKEN).start()
        try:
            seen = asyncio.run(measure(server, populate(PEOPLE + 1), repetitions, seconds))
        finally:
            server.kill()
    say(f"The 99th percentile, median of the rounds ({seconds} s each):")
    for name, each in seen.items():
        say(line(name, each))
    say("Times as long as alone:")
    verdicts = [within(how, what, seen) for how in CODES for what in ("messages", "commands")]
    return all(verdicts)


def within(how: str, what: str, seen: dict[str, Round]) -> bool:
    usual, control, grown = (getattr(seen[name], what) for name in ("alone", f"busy as {how}", how))
    fine = bool(grown <= TIMES * usual)
    verdict = f"{grown / usual:.1f}, {'within' if fine else 'MORE THAN'} {TIMES}"
    say(f"  {what} beside {how:6} {verdict} ({control / usual:.1f} with the processor as busy)")
    return fine


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
