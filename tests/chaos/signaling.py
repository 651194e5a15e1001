"""The socket of one device, written from docs/protocol.md: says hello, pings, comes back, and carries each command to
its one answer through as many sockets as it takes."""

import asyncio
import json
import secrets
from asyncio import Future
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin

from tests.support.client import Message

# docs/protocol.md, "The socket" and "Ping".
BACKOFF_SECONDS = (0, 0.3, 1, 2, 4, 7)
PING_SECONDS = 10
DEAD_SECONDS = 25
ABNORMAL = 1006

# A command that the server asked to repeat is repeated so often, each time after twice as long.
TRY_AGAIN_TIMES = 5
TRY_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class Door:
    """How a device reaches the servers: through which address, as whom, and from which address of its own."""

    url: str
    origin: str
    cookie: str
    address: str


@dataclass
class Waiting:
    message: Message
    answer: "Future[Message]"
    tries: int = 0
    sent_at: float | None = None


class Signaling:
    """`take` gets the messages that are no answers; `lost` is called when a socket that was welcomed is gone; `waited`
    gets each command that was sent, and when, as soon as it is answered or its socket is gone."""

    def __init__(
        self,
        door: Door,
        device: str,
        random: Random,
        *,
        held: Callable[[], list[str]],
        take: Callable[[Message], None],
        lost: Callable[[], None],
        waited: Callable[[Message, float], None],
    ) -> None:
        self._door = door
        self._device = device
        self._random = random
        self._held = held
        self._hear = take
        self._lost = lost
        self._waited = waited
        self._socket: ClientConnection | None = None
        self._open = False
        self._tries = 0
        self._heard_at = 0.0
        self._waiting: dict[str, Waiting] = {}

    async def run(self) -> int:
        """Until the server says not to come back; returns the code it said so with."""
        while (code := await self._one_socket()) < 4500:
            seconds = BACKOFF_SECONDS[min(self._tries, len(BACKOFF_SECONDS) - 1)]
            self._tries += 1
            await asyncio.sleep(seconds * self._random.random())
        return code

    @property
    def waiting(self) -> list[Message]:
        """The commands that have no answer yet."""
        return [each.message for each in self._waiting.values()]

    async def say(self, message: Message) -> None:
        """A message that has no answer; without a socket it is lost."""
        if self._open:
            await self._write(message)

    async def command(self, type_: str, **fields: Any) -> Message:
        id_ = secrets.token_urlsafe(12)
        waiting = Waiting({"type": type_, "id": id_, **fields}, asyncio.get_running_loop().create_future())
        self._waiting[id_] = waiting
        if self._open:
            await self._ask(waiting)
        return await waiting.answer

    async def _one_socket(self) -> int:
        """From the handshake to the end; returns the close code."""
        door, pinging = self._door, None
        try:
            socket = await connect(
                door.url,
                origin=Origin(door.origin),
                additional_headers={"Cookie": door.cookie},
                compression=None,
                proxy=None,
                open_timeout=DEAD_SECONDS,
                ping_interval=None,
                local_addr=(door.address, 0),
            )
        except (OSError, EOFError, WebSocketException):
            return ABNORMAL
        try:
            self._socket = socket
            self._heard_at = asyncio.get_running_loop().time()
            pinging = asyncio.create_task(self._ping(socket))
            await self._write({"type": "hello", "protocol": 1, "device": self._device, "calls": self._held()})
            async for frame in socket:
                await self._take(json.loads(frame))
        except ConnectionClosed:
            pass
        finally:
            socket.transport.abort()
            if pinging is not None:
                pinging.cancel()
            if self._open:
                self._open = False
                for waiting in self._waiting.values():
                    self._waits_no_more(waiting)
                self._lost()
        return socket.close_code or ABNORMAL

    async def _ping(self, socket: ClientConnection) -> None:
        """A socket that says nothing for so long is dead, even if nobody has told us."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PING_SECONDS)
            if loop.time() - self._heard_at > DEAD_SECONDS:
                socket.transport.abort()
                return
            if self._open:
                await self._write({"type": "ping"})

    async def _take(self, message: Message) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        match message["type"]:
            case "welcome":
                self._tries = 0
                self._open = True
                waiting = list(self._waiting.values())  # what is asked from now on is sent at once
                self._hear(message)
                for each in waiting:
                    await self._ask(each)
            case "ok" | "error":
                self._answered(message)
            case _:
                self._hear(message)

    def _answered(self, message: Message) -> None:
        waiting = self._waiting.get(message.get("re", ""))
        if waiting is None:
            return
        self._waits_no_more(waiting)
        if message.get("code") == "try_again" and waiting.tries < TRY_AGAIN_TIMES:
            waiting.tries += 1
            seconds = TRY_AGAIN_SECONDS * 2 ** (waiting.tries - 1)
            asyncio.get_running_loop().call_later(seconds, self._again, message["re"])
            return
        del self._waiting[message["re"]]
        if not waiting.answer.done():
            waiting.answer.set_result(message)

    def _again(self, id_: str) -> None:
        if self._open and id_ in self._waiting:
            self._repeating = asyncio.create_task(self._ask(self._waiting[id_]))

    async def _ask(self, waiting: Waiting) -> None:
        waiting.sent_at = time()
        await self._write(waiting.message)

    def _waits_no_more(self, waiting: Waiting) -> None:
        if waiting.sent_at is not None:
            self._waited(waiting.message, waiting.sent_at)
            waiting.sent_at = None

    async def _write(self, message: Message) -> None:
        assert self._socket is not None
        with suppress(ConnectionClosed):
            await self._socket.send(json.dumps(message))
