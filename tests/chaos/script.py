"""What a person does: calls, waits, accepts, declines, looks away, talks, hangs up, goes on on another device."""

import asyncio
from contextlib import suppress
from time import time
from uuid import uuid4

from .telephone import Snapshot, Telephone

THINK_SECONDS = (0.2, 3.0)
PATIENCE_SECONDS = (2.0, 20.0)
TALK_SECONDS, LONG_TALK_SECONDS = (1.0, 8.0), (12.0, 20.0)
SAY_SECONDS = (0.2, 1.5)

# Of those who are rung.
ACCEPT, DECLINE = 0.6, 0.15
# Of the talks: enough for what got lost to be sent again, and missed.
LONG = 0.2
# Of those who are in a call on another device.
MOVE = 0.15
# Of those who wait for an answer when the play ends: the others let it ring, and the steward has to end it.
GIVE_UP = 0.5


class Play:
    """What all scripts share. `calm`: nothing more breaks. `closing`: the play ends, and everybody hangs up. `held`:
    calls that nobody hangs up before a moment of the wall clock, so that a device whose link is broken has something
    to come back to."""

    def __init__(self) -> None:
        self.calm = asyncio.Event()
        self.closing = asyncio.Event()
        self.held: dict[str, float] = {}

    async def pause(self, seconds: float) -> None:
        await _until(self.closing, seconds)

    async def pause_of_faults(self, seconds: float) -> None:
        await _until(self.calm, seconds)


async def _until(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


class PersonScript:
    """For one page. Each call gets one course of action here: as its caller, as who is rung, as who talks."""

    def __init__(self, play: Play, phone: Telephone) -> None:
        self._play = play
        self._phone = phone
        self._begun: set[tuple[str, str]] = set()
        self._part_of: set[str] = set()

    def follow(self, call: Snapshot) -> None:
        id_ = call["id"]
        if self._phone.rings(id_):
            self._begin("rung", id_)
        elif self._phone.active(id_):
            self._begin("talk", id_)
        elif self._phone.holds(id_):
            self._begin("wait", id_)
        elif (mine := self._phone.mine(id_)) is not None and mine["state"] == "joined":
            self._begin("elsewhere", id_)

    def welcomed(self) -> None:
        """A call that is bound to this device, and of which this page knows nothing: it was reloaded."""
        for call in self._phone.live:
            if self._phone.holds(call) and call not in self._part_of and not self._phone.joining:
                self._part_of.add(call)
                self._phone.do(self._join("call.rejoin", call))

    async def place(self, to: str) -> None:
        call = str(uuid4())
        self._part_of.add(call)
        answer = await self._phone.command(
            "call.place", joins=True, call=call, to=to, kind=self._phone.random.choice(["voice", "video"])
        )
        if answer["type"] == "ok":
            self._part_of.add(answer["call"])

    def _begin(self, what: str, call: str) -> None:
        if (what, call) not in self._begun:
            self._begun.add((what, call))
            course = {"rung": self._rung, "talk": self._talk, "wait": self._wait, "elsewhere": self._elsewhere}[what]
            self._phone.do(course(call))

    async def _rung(self, call: str) -> None:
        self._phone.do(self._command("call.alert", call))
        await self._play.pause(self._phone.random.uniform(*THINK_SECONDS))
        if not self._phone.rings(call):
            return
        will = self._phone.random.random()
        if ACCEPT <= will < ACCEPT + DECLINE:
            self._phone.stop_ringing(call)
            await self._command("call.decline", call)
        elif will < ACCEPT:
            self._phone.stop_ringing(call)
            await self._join("call.accept", call)

    async def _wait(self, call: str) -> None:
        """Who called loses patience some time, often only after the ring is over."""
        await self._play.pause(self._phone.random.uniform(*PATIENCE_SECONDS))
        stays = self._play.closing.is_set() and self._phone.random.random() >= GIVE_UP
        if self._phone.holds(call) and not self._phone.active(call) and not stays:
            await self._command("call.hang_up", call)

    async def _talk(self, call: str) -> None:
        self._phone.do(self._say(call))
        long = self._phone.random.random() < LONG
        await self._play.pause(self._phone.random.uniform(*(LONG_TALK_SECONDS if long else TALK_SECONDS)))
        while (left := self._play.held.get(call, 0) - time()) > 0 and not self._play.closing.is_set():
            await self._play.pause(left)
        if self._phone.holds(call):
            await self._command("call.hang_up", call)

    async def _say(self, call: str) -> None:
        while self._phone.active(call) and not self._play.closing.is_set():
            self._phone.say(call)
            await self._play.pause(self._phone.random.uniform(*SAY_SECONDS))

    async def _elsewhere(self, call: str) -> None:
        await self._play.pause(self._phone.random.uniform(*THINK_SECONDS))
        if self._phone.random.random() < MOVE and self._phone.live.get(call, {}).get("state") == "active":
            await self._join("call.move", call)

    async def _join(self, type_: str, call: str) -> None:
        self._part_of.add(call)
        await self._phone.command(type_, joins=True, call=call)

    async def _command(self, type_: str, call: str) -> None:
        await self._phone.command(type_, call=call)
