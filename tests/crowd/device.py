"""A device of the protocol in asyncio, light enough for thousands: docs/protocol.md with its coming back.

It keeps the newest snapshot of each call, repeats what was not answered after a new welcome, and notes the code of each
close. `tests/support/client.py` is the same for a test that has a few.
"""

import asyncio
import json
import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Origin

# How long a device waits before it asks again for what the server could not do.
AGAIN_SECONDS = 1

PATIENCE_SECONDS = 60
PING_SECONDS = 10
FIRST_FINAL_CODE = 4500

# How long it waits before it comes back (docs/protocol.md, "The socket"), each with full jitter.
WAITS = (0, 0.3, 1, 2, 4, 7)

OPTIONS: dict[str, Any] = {
    "compression": None,
    "proxy": None,
    "ping_interval": None,
    "open_timeout": PATIENCE_SECONDS,
    "close_timeout": 1,
}

Message = dict[str, Any]


class Device:
    """Between `come` and `go` it is connected or about to be."""

    def __init__(self, url: str, origin: str, cookie: str) -> None:
        self.id = secrets.token_urlsafe(16)
        self.calls: dict[str, Message] = {}
        self.peer_messages: list[Message] = []
        self.heard: dict[str, int] = {}
        self.closes: list[int] = []
        self.welcomes = 0
        self._url, self._origin, self._cookie = url, origin, cookie
        self._socket: ClientConnection | None = None
        self._asked: dict[str, tuple[Message, asyncio.Future[Message]]] = {}
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[None]]] = []
        self._numbers = count(1)
        self._task: asyncio.Task[None] | None = None

    async def come(self) -> None:
        self._task = asyncio.create_task(self._stay())
        await self.until(lambda: self.welcomes, "a welcome")

    async def go(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def command(self, type_: str, **fields: Any) -> Message:
        """Its answer, `ok` or `error`, however often it must be sent."""
        message = {"type": type_, "id": f"{self.id[:16]}-{next(self._numbers)}", **fields}
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[message["id"]] = (message, answer)
        await self.send(message)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await answer
        finally:
            del self._asked[message["id"]]

    async def must(self, type_: str, **fields: Any) -> None:
        """A command that may not be refused, though a late server may ask for it again. Raises AssertionError."""
        fields.setdefault("id", f"{self.id[:16]}-{next(self._numbers)}")
        while (answer := await self.command(type_, **fields)).get("code") == "try_again":
            await asyncio.sleep(AGAIN_SECONDS)
        if answer["type"] != "ok":
            raise AssertionError(f"{type_} was refused: {answer}")

    async def send(self, message: Message) -> None:
        """Lost if it is not connected."""
        if self._socket is not None:
            with suppress(WebSocketException):
                await self._socket.send(json.dumps(message))

    async def peer(self, call: str, seq: int, body: Message) -> None:
        mine, theirs = self.leg(call), self.leg(call, mine=False)
        fields = {"call": call, "to": theirs["id"], "epoch": mine["epoch"], "to_epoch": theirs["epoch"]}
        await self.send({"type": "peer", **fields, "seq": seq, "ack": 0, "body": body})

    def leg(self, call: str, *, mine: bool = True) -> Message:
        snapshot = self.calls[call]
        return next(leg for leg in snapshot["legs"] if (leg["id"] == snapshot["me"]) is mine)

    def state(self, call: str) -> str | None:
        return self.calls.get(call, {}).get("state")

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Look again with each message and each close."""
        if condition():
            return
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, changed))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await changed
        except TimeoutError:
            raise AssertionError(f"{what} did not come about; closes: {self.closes}, heard: {self.heard}") from None
        finally:
            self._waiting = [(test, future) for test, future in self._waiting if future is not changed]

    async def _stay(self) -> None:
        tries = 0
        while True:
            welcomes = self.welcomes
            try:
                await self._visit()
            except (OSError, InvalidHandshake, TimeoutError):
                self.closes.append(1006)
            self._look()
            if self.closes[-1] >= FIRST_FINAL_CODE:
                return
            tries = 0 if self.welcomes > welcomes else tries + 1
            await asyncio.sleep(random.uniform(0, WAITS[min(tries, len(WAITS) - 1)]))

    async def _visit(self) -> None:
        """One socket, from its handshake to its end."""
        headers = {"Cookie": self._cookie}
        async with connect(self._url, origin=Origin(self._origin), additional_headers=headers, **OPTIONS) as socket:
            hello = {"type": "hello", "protocol": 1, "device": self.id, "calls": list(self.calls)[-16:]}
            await socket.send(json.dumps(hello))
            self._socket = socket
            pings = asyncio.create_task(self._ping())
            try:
                async for frame in socket:
                    await self._take(json.loads(frame))
            except WebSocketException:
                pass  # the code says how it ended
            finally:
                self._socket = None
                pings.cancel()
        self.closes.append(socket.close_code or 1006)

    async def _ping(self) -> None:
        await asyncio.sleep(random.uniform(0, PING_SECONDS))
        while True:
            await self.send({"type": "ping"})
            await asyncio.sleep(PING_SECONDS)

    async def _take(self, message: Message) -> None:
        type_ = message["type"]
        self.heard[type_] = self.heard.get(type_, 0) + 1
        match type_:
            case "welcome":
                self.welcomes += 1
                for call in message["calls"]:
                    self._see(call)
                for asked, _ in list(self._asked.values()):
                    await self.send(asked)
            case "call":
                self._see(message["call"])
            case "peer":
                self.peer_messages.append(message)
            case "ok" | "error" if message.get("re") in self._asked:
                _, answer = self._asked[message["re"]]
                if not answer.done():
                    answer.set_result(message)
        self._look()

    def _see(self, snapshot: Message) -> None:
        if snapshot["rev"] >= self.calls.get(snapshot["id"], {"rev": 0})["rev"]:
            self.calls[snapshot["id"]] = snapshot

    def _look(self) -> None:
        for condition, changed in self._waiting:
            if not changed.done() and condition():
                changed.set_result(None)
