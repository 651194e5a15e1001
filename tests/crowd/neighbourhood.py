"""People who talk in pairs, and people who place calls and hang up again: a server's usual day, at a steady rate.

Everything is sent at a fixed time, whether what was before it has been answered or not, and measured from that time. So
a stall counts for all that it held up, and not only for whom it met.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from uuid import uuid4

from tests.support.server import Server

from .device import Device, Message
from .population import Inhabitant

# What each who talks sends: what trickling ICE takes at its busiest.
MESSAGES_PER_SECOND = 10

# What each caller sends: a call is placed, and half a second later it is hung up.
COMMANDS_PER_SECOND = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """Seconds from when something was due: until a message was there, and until a command was answered."""

    messages: list[float] = field(default_factory=list)
    commands: list[float] = field(default_factory=list)


class Talker(Device):
    """Notes which messages come, and how late; they say when they were due."""

    def __init__(self, *where: str) -> None:
        super().__init__(*where)
        self.said = 0
        self.seqs: list[int] = []
        self.late: list[float] = []

    async def _take(self, message: Message) -> None:
        if message["type"] == "peer":
            self.late.append(monotonic() - float(message["body"]["sdp"]))
            self.seqs.append(message["seq"])
            self._look()
        else:
            await super()._take(message)


class Neighbourhood:
    """Some pairs who talk, the others such that one calls the other. Between `come` and `go` they are on line."""

    def __init__(self, server: Server, people: Sequence[Inhabitant], talking: int) -> None:
        """`talking`: how many of the pairs talk."""
        pairs = list(zip(people[::2], people[1::2], strict=True))
        self._talking = [(self._talker(server, one), self._talker(server, other)) for one, other in pairs[:talking]]
        self._calling = [(one.device(server), other.device(server)) for one, other in pairs[talking:]]
        self._callees = [other.id for _, other in pairs]
        self._talks: list[tuple[str, Talker]] = []

    @staticmethod
    def _talker(server: Server, person: Inhabitant) -> Talker:
        return Talker(server.socket_url, server.origin, person.cookie)

    def devices(self) -> list[Device]:
        return [device for pair in (*self._talking, *self._calling) for device in pair]

    async def come(self) -> None:
        await asyncio.gather(*(device.come() for device in self.devices()))
        for (one, other), to in zip(self._talking, self._callees, strict=False):
            call = str(uuid4())
            await one.must("call.place", call=call, to=to, kind="voice")
            await other.must("call.accept", call=call)
            for device in (one, other):
                await device.until(lambda d=device, call=call: d.state(call) == "active", "the answer")  # type: ignore[misc]
                self._talks.append((call, device))

    async def live(self, over: asyncio.Event) -> Heard:
        """Until it is over. Raises AssertionError if anybody is refused or cut, or anything is lost."""
        heard = Heard()
        async with asyncio.TaskGroup() as everybody:
            for number, (call, talker) in enumerate(self._talks):
                due = beats(MESSAGES_PER_SECOND, number / len(self._talks), over)
                everybody.create_task(_talk(call, talker, due))
            for number, (caller, callee) in enumerate(self._calling):
                due = beats(COMMANDS_PER_SECOND, number / len(self._calling), over)
                to = self._callees[len(self._talking) + number]
                everybody.create_task(_call_and_hang_up(caller, callee, to, due, heard.commands))
        for one, other in self._talking:
            await _all_arrive(one, other, heard)
            await _all_arrive(other, one, heard)
        for device in self.devices():
            assert not device.closes, f"A neighbour was closed with {device.closes}."
        return heard

    async def go(self) -> None:
        await asyncio.gather(*(device.go() for device in self.devices()))


async def beats(per_second: float, phase: float, over: asyncio.Event) -> AsyncIterator[float]:
    """The moments when something is due, however late the one who takes them has come; `phase`: where in the first beat
    they begin, from 0 to 1."""
    began = monotonic()
    for number in count():
        due = began + (number + phase) / per_second
        await asyncio.sleep(max(0, due - monotonic()))
        if over.is_set():
            return
        yield due


async def _talk(call: str, talker: Talker, due: AsyncIterator[float]) -> None:
    async for moment in due:
        talker.said += 1
        await talker.peer(call, talker.said, {"kind": "offer", "sdp": str(moment)})


async def _all_arrive(sender: Talker, receiver: Talker, heard: Heard) -> None:
    """Each message once and in order, as on any connection that holds."""
    await receiver.until(lambda: len(receiver.seqs) >= sender.said, "every message")
    assert receiver.seqs == list(range(1, sender.said + 1)), "A message was lost, doubled or overtaken."
    heard.messages.extend(receiver.late)
    receiver.late.clear()


async def _call_and_hang_up(
    caller: Device, callee: Device, to: str, due: AsyncIterator[float], took: list[float]
) -> None:
    async def must(moment: float, type_: str, **fields: str) -> None:
        await caller.must(type_, **fields)
        took.append(monotonic() - moment)

    calls: list[str] = []
    async with asyncio.TaskGroup() as commands:
        hang_up = False
        async for moment in due:
            if hang_up:
                commands.create_task(must(moment, "call.hang_up", call=calls[-1]))
            else:
                calls.append(str(uuid4()))
                commands.create_task(must(moment, "call.place", call=calls[-1], to=to, kind="voice"))
            hang_up = not hang_up
    if hang_up:
        await caller.must("call.hang_up", call=calls[-1])
    for device in (caller, callee):
        for call in calls:
            await device.until(lambda d=device, call=call: d.state(call) == "ended", "the end")  # type: ignore[misc]
        device.calls.clear()
