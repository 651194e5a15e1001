"""One side of a peer stream, written from docs/protocol.md: numbers what it says, keeps it until it is acknowledged,
sends it again, and takes what arrives in order."""

import asyncio
from asyncio import TimerHandle
from collections.abc import Callable
from time import time
from typing import Any

from tests.support.client import Message

from .records import Stream as Record
from .records import StreamKey

RESEND_SECONDS = (1, 2, 4)
ACK_SECONDS = 0.05


class Stream:
    """What it says names its stream and its number, so that the other side sees whether it went astray."""

    def __init__(self, key: StreamKey, record: Record, write: Callable[[Message], None]) -> None:
        self.key = key
        self._record = record
        self._write_message = write
        self._unacknowledged: list[int] = []
        self._held: set[int] = set()
        self._resends = 0
        self._resending: TimerHandle | None = None
        self._acknowledging: TimerHandle | None = None

    def post(self) -> None:
        self._record.posted.append(time())
        self._unacknowledged.append(len(self._record.posted))
        self._write(self._unacknowledged[-1])
        if self._resending is None:
            self._plan_resend()

    def take(self, message: Message) -> None:
        """One that is of this stream."""
        if self._unacknowledged and message["ack"] >= self._unacknowledged[0]:
            self._unacknowledged = [seq for seq in self._unacknowledged if seq > message["ack"]]
            self._resends = 0
            self._plan_resend()
        if message["seq"] == 0:
            return
        self._held.add(message["seq"])
        while self._taken + 1 in self._held:
            self._record.got.append(time())
        self._held = {seq for seq in self._held if seq > self._taken}
        self._acknowledging = self._acknowledging or _later(ACK_SECONDS, self._write, 0)

    def resend(self) -> None:
        for seq in self._unacknowledged:
            self._write(seq)

    def close(self) -> None:
        self._record.closed = time()
        for timer in (self._resending, self._acknowledging):
            if timer is not None:
                timer.cancel()

    @property
    def _taken(self) -> int:
        return len(self._record.got)

    def _plan_resend(self) -> None:
        if self._resending is not None:
            self._resending.cancel()
        seconds = RESEND_SECONDS[min(self._resends, len(RESEND_SECONDS) - 1)]
        self._resending = _later(seconds, self._resend_in_time) if self._unacknowledged else None

    def _resend_in_time(self) -> None:
        self._resends += 1
        self.resend()
        self._plan_resend()

    def _write(self, seq: int) -> None:
        if self._acknowledging is not None:
            self._acknowledging.cancel()
            self._acknowledging = None
        key = self.key
        message = {"type": "peer", "call": key.call, "to": key.receiver, "epoch": key.epoch, "to_epoch": key.to_epoch}
        body = {"body": {"kind": "offer", "sdp": key.text(seq)}} if seq else {}
        self._write_message({**message, "seq": seq, "ack": self._taken, **body})


def _later(seconds: float, act: Callable[..., None], *arguments: Any) -> TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, act, *arguments)
