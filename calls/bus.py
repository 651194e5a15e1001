"""What processes tell each other: one membership of the channel layer for the whole process.

The layer loses, reorders and repeats; nothing here repairs that. Calls are snapshots with a revision, peer
messages are acknowledged end to end, and the steward heals what was lost.

The layer carries one event, `{"type": "deliver", "payload": bytes}`: a client's own `type` never becomes the
layer's.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import msgspec
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from .core.snapshot import Facts
from .metrics import LOST_BATCHES

logger = logging.getLogger(__name__)

GROUP = "exchange"

# After the layer failed, so long until the next try: Redis is back, or it is not.
RETRY_SECONDS = 1.0


class News(msgspec.Struct, frozen=True, tag="facts"):
    """A call has changed."""

    facts: Facts


class FrameNews(msgspec.Struct, frozen=True, tag="frame"):
    """A peer message of this call, checked by what its sender's process knows, and encoded, for one device."""

    call: str
    person: str
    device: str
    frame: str


class ArrivalNews(msgspec.Struct, frozen=True, tag="arrival"):
    """This device has a socket at the sender: one that another process has of it is probably dead."""

    person: str
    device: str


class PresenceNews(msgspec.Struct, frozen=True, tag="presence"):
    """Something about these people's presence may have changed."""

    people: list[str]


class SignOutNews(msgspec.Struct, frozen=True, tag="sign_out"):
    """This session's sockets close, all of a person's, or those of all guests of a link."""

    session: str | None = None
    person: str | None = None
    link: str | None = None


class RekeyNews(msgspec.Struct, frozen=True, tag="rekey"):
    """A session goes on under a new key."""

    old: str
    new: str


AnyNews = News | FrameNews | ArrivalNews | PresenceNews | SignOutNews | RekeyNews


class Batch(msgspec.Struct, frozen=True):
    """What one process posted within one turn of its loop."""

    sender: str
    news: list[AnyNews]


_decode = msgspec.json.Decoder(Batch).decode
_encode = msgspec.json.encode


class Bus:
    """Without Redis there is one process and nobody to tell: everything here does nothing."""

    def __init__(self, redis_url: str | None) -> None:
        self._enabled = bool(redis_url)
        self._sender = uuid4().hex
        self._pending: list[AnyNews] = []
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._flush_task: asyncio.Task[None] | None = None

    async def start(self, take: Callable[[AnyNews], None]) -> None:
        if self._enabled:
            self._task = asyncio.create_task(self._listen(take))
            self._flush_task = asyncio.create_task(self._flush())

    async def stop(self) -> None:
        for task in (self._task, self._flush_task):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def post(self, news: AnyNews) -> None:
        """Tell the other processes, batched with whatever else is posted in this turn of the loop."""
        if self._enabled:
            self._pending.append(news)
            self._wake.set()

    def post_from_outside(self, news: AnyNews) -> None:
        """Tell all processes, from one that serves nobody (a management command, a test)."""
        if self._enabled:
            async_to_sync(self._send)([news])

    async def _flush(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._pending = self._pending, []
            try:
                await self._send(batch)
            except Exception:  # whatever the layer raises: it lost the batch, and losing is allowed
                LOST_BATCHES.inc()
                logger.warning("The channel layer lost %d messages.", len(batch), exc_info=True)

    async def _send(self, news: list[AnyNews]) -> None:
        payload = _encode(Batch(self._sender, news))
        await get_channel_layer().group_send(GROUP, {"type": "deliver", "payload": payload})

    async def _listen(self, take: Callable[[AnyNews], None]) -> None:
        while True:
            try:
                layer = get_channel_layer()
                channel = await layer.new_channel()
                async with asyncio.TaskGroup() as membership:
                    membership.create_task(self._stay_joined(layer, channel))
                    membership.create_task(self._receive(layer, channel, take))
            except Exception:  # Redis went away: join again until it is back
                logger.warning("The channel layer failed; joining again.", exc_info=True)
                await asyncio.sleep(RETRY_SECONDS)

    async def _stay_joined(self, layer: Any, channel: str) -> None:
        """Join, and join again: a membership may have a term (`group_expiry`), after which nobody is told anything."""
        while True:
            await layer.group_add(GROUP, channel)
            await asyncio.sleep(settings.BUS_REJOIN_SECONDS)

    async def _receive(self, layer: Any, channel: str, take: Callable[[AnyNews], None]) -> None:
        while True:
            event = await layer.receive(channel)
            self._take(event["payload"], take)

    def _take(self, payload: bytes, take: Callable[[AnyNews], None]) -> None:
        try:
            batch = _decode(payload)
        except msgspec.MsgspecError:
            logger.warning("Another version's message on the channel layer was passed over.")
            return
        if batch.sender != self._sender:
            for news in batch.news:
                take(news)
