"""One page of one person: keeps the newest snapshot of each call, as static/js/calls.js does, and what it showed when.

What its person does with it is for the script.
"""

import asyncio
import secrets
from asyncio import Task
from collections.abc import Callable, Coroutine
from random import Random
from time import time
from typing import Any, Protocol

from tests.support.client import Message

from .records import Answer, Break, Life, Records, Ring, StreamKey, Wait
from .records import Stream as StreamRecord
from .signaling import Door, Signaling
from .stream import Stream

Snapshot = Message


class Script(Protocol):
    """A person's hands. `follow` comes after every change of a call, `welcomed` after every welcome."""

    def follow(self, call: Snapshot) -> None: ...
    def welcomed(self) -> None: ...


class Telephone:
    """`live`: the calls that have not ended, by id. `joining`: how many commands that bind one to it are on the way."""

    def __init__(
        self, person: str, door: Door, records: Records, random: Random, script: "Callable[[Telephone], Script]"
    ) -> None:
        self.person = person
        self.address = door.address
        self.device = secrets.token_urlsafe(16)
        self.random = random
        self.live: dict[str, Snapshot] = {}
        self.joining = 0
        self.connected_at: float | None = None
        self._ended: set[str] = set()
        self._ringing: dict[str, float] = {}
        self._breaks: list[Break] = []
        self._lost_at: float | None = None
        self._door = door
        self._records = records
        self._make_script = script
        self._life = records.lives.setdefault(self.device, Life(person, door.address))
        self._streams: dict[str, Stream] = {}
        self._epochs_of_before: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._tasks: set[Task[Any]] = set()
        self._open()

    # --- the page ----------------------------------------------------------------------------------------

    def reload(self) -> None:
        """The page forgets everything but its device's id."""
        self._leave()
        self._open()

    def close(self) -> None:
        """The tab is closed for good."""
        self._leave()
        self._life.closed = time()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that goes on until it is done or the page is gone."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def command(self, type_: str, *, joins: bool = False, **fields: Any) -> Message:
        self.joining += joins
        try:
            answer = await self._signaling.command(type_, **fields)
        finally:
            self.joining -= joins
        code = None if answer["type"] == "ok" else str(answer["code"])
        self._records.answers.append(Answer(self.person, answer["re"], type_, answer.get("call"), code))
        return answer

    @property
    def unanswered(self) -> list[str]:
        return [f"{each['type']} {each['id']} of {self.person}" for each in self._signaling.waiting]

    def say(self, call: str) -> None:
        """Something to the other side of a call that goes on here."""
        if (stream := self._streams.get(call)) is not None:
            stream.post()

    async def until(self, condition: Callable[[], object], seconds: float) -> None:
        """Until the condition holds, or so long."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition() and (left := deadline - asyncio.get_running_loop().time()) > 0:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return

    # --- what it shows -----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """In a call, rung, or about to be."""
        return bool(self.joining or self.live)

    @property
    def talks(self) -> list[str]:
        """The call that goes on here."""
        return [call for call in self.live if self.active(call)]

    def mine(self, call: str) -> Message | None:
        """This person's leg of a live call."""
        snapshot = self.live.get(call)
        return None if snapshot is None else _leg(snapshot)

    def rings(self, call: str) -> bool:
        leg = self.mine(call)
        return leg is not None and leg["state"] == "ringing"

    def holds(self, call: str) -> bool:
        """The call is live and joined on this device."""
        leg = self.mine(call)
        return leg is not None and self._is_bound(leg)

    def active(self, call: str) -> bool:
        return self.holds(call) and self.live[call]["state"] == "active"

    def stop_ringing(self, call: str) -> None:
        """Answered or declined here: the page stops showing it before the server knows."""
        if (shown := self._ringing.pop(call, None)) is not None:
            self._records.rings.append(Ring(self.device, self.person, call, shown, time()))

    # --- within ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._is_new = True
        self._script = self._make_script(self)
        self._signaling = Signaling(
            self._door,
            self.device,
            self.random,
            held=lambda: list(self.live)[:16],
            take=self._take,
            lost=self._lost,
            waited=self._waited,
        )
        self.do(self._run())

    async def _run(self) -> None:
        self._records.turned_away.append(await self._signaling.run())

    def _leave(self) -> None:
        self._lost()
        for task in self._tasks:
            task.cancel()
        for call in list(self._ringing):
            self.stop_ringing(call)
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        self._epochs_of_before.clear()
        self.live.clear()
        self._ended.clear()

    def _done(self, task: Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()

    def _take(self, message: Message) -> None:
        if message["type"] == "welcome":
            self._welcomed(message["calls"])
        elif message["type"] == "call":
            self._apply(message["call"])
        elif message["type"] == "peer":
            self._take_peer(message)
        self._changed.set()

    def _welcomed(self, calls: list[Snapshot]) -> None:
        self.connected_at = time()
        if self._lost_at is not None:
            self._records.returns.append(self.connected_at - self._lost_at)
        if self._is_new:  # the streams of the page of before were at these epochs: it has to rejoin first
            self._epochs_of_before = {call["id"]: _leg(call)["epoch"] for call in calls if self._is_bound(_leg(call))}
            self._is_new = False
        for call in calls:
            self._apply(call)
        for stream in self._streams.values():
            stream.resend()
        told = {call["id"] for call in calls}
        for id_ in self.live.keys() - told:
            self.stop_ringing(id_)
            del self.live[id_]
            self._tune(id_)
        for each in self._breaks:
            each.back, each.alive = self.connected_at, self.holds(each.call)
        self._breaks.clear()
        self._script.welcomed()

    def _waited(self, command: Message, sent: float) -> None:
        self._records.waits.append(Wait(self.device, f"{command['type']} {command['id']}", sent, time()))

    def _lost(self) -> None:
        if self.connected_at is None:
            return
        now = self._lost_at = time()
        self._life.connected.append((self.connected_at, now))
        self.connected_at = None
        self._breaks = [Break(self.device, call, now) for call in self.talks]
        self._records.breaks += self._breaks

    def _apply(self, call: Snapshot) -> None:
        id_, known = call["id"], self.live.get(call["id"])
        if id_ in self._ended or (known is not None and known["rev"] > call["rev"]):
            return
        rang = self.rings(id_)
        if call["state"] == "ended":
            self._ended.add(id_)
            self.live.pop(id_, None)
            self._records.endings.add((id_, call["end_reason"]))
        else:
            self.live[id_] = call
        if self.rings(id_) and not rang:
            self._ringing[id_] = time()
        elif not self.rings(id_):
            self.stop_ringing(id_)
        self._tune(id_)
        self._script.follow(call)

    # --- peer messages -----------------------------------------------------------------------------------

    def _tune(self, call: str) -> None:
        """Have the stream that the newest snapshot asks for, and no other."""
        key, stream = self._stream_key(call), self._streams.get(call)
        if stream is not None and stream.key != key:
            self._streams.pop(call).close()
        if key is not None and call not in self._streams:
            record = StreamRecord(key, self.device, time())
            self._records.streams.append(record)
            self._streams[call] = Stream(key, record, lambda message: self.do(self._signaling.say(message)))

    def _stream_key(self, call: str) -> StreamKey | None:
        if not self.active(call):
            return None
        mine, theirs = _leg(self.live[call]), _leg(self.live[call], mine=False)
        if mine["epoch"] <= self._epochs_of_before.get(call, 0):
            return None
        return StreamKey(call, mine["id"], theirs["id"], mine["epoch"], theirs["epoch"])

    def _take_peer(self, message: Message) -> None:
        """Those of other epochs than the newest are dropped. But none may come to a page that has been told that it is
        not, or no longer, in the call."""
        call, mine = message["call"], self.mine(message["call"])
        if mine is None or not self._is_bound(mine):
            why = "ended" if call in self._ended else "not bound here" if mine else "unknown"
            self._records.astray.append(f"call {call} at {self.device}: {why}")
            return
        key = StreamKey(call, message["from"], mine["id"], message["epoch"], message["to_epoch"])
        if message["seq"] and message["body"] != {"kind": "offer", "sdp": key.text(message["seq"])}:
            self._records.astray.append(f"call {call} at {self.device}: {message}")
        elif (stream := self._streams.get(call)) is not None and stream.key.back == key:
            stream.take(message)

    def _is_bound(self, leg: Message) -> bool:
        return leg["state"] == "joined" and leg["device"] == self.device


def _leg(snapshot: Snapshot, *, mine: bool = True) -> Message:
    return next(leg for leg in snapshot["legs"] if (leg["id"] == snapshot["me"]) is mine)
