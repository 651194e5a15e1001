"""Pairs of people of two servers who call each other again and again, while every socket is sent away now and then."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from .device import Device

# What each side of a call says to the other.
MESSAGES = 3

# How soon what was not acknowledged is sent again (docs/protocol.md, "Peer messages").
RESEND_SECONDS = 1.0
SENDINGS = 10


@dataclass(slots=True)
class Life:
    """Calls that went through; how often a peer message had to be sent again."""

    calls: int = 0
    resent: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def live(life: Life, caller: Device, callee: Device, callee_id: str) -> None:
    """Call until `life.over`. Raises AssertionError if one of the two is not told something."""
    while not life.over.is_set():
        call = str(uuid4())
        await caller.must("call.place", call=call, to=callee_id, kind="voice")
        await callee.until(lambda call=call: callee.state(call) == "ringing", "a ring")  # type: ignore[misc]
        await callee.must("call.accept", call=call)
        for device in (caller, callee):
            await device.until(lambda d=device, call=call: d.state(call) == "active", "the answer")  # type: ignore[misc]
        for seq in range(1, MESSAGES + 1):
            await _tell(life, caller, callee, call, seq)
            await _tell(life, callee, caller, call, seq)
        await callee.must("call.hang_up", call=call)
        for device in (caller, callee):
            await device.until(lambda d=device, call=call: d.state(call) == "ended", "the end")  # type: ignore[misc]
            assert device.calls[call]["end_reason"] == "completed", device.calls[call]
            device.calls.clear()
            device.peer_messages.clear()
        life.calls += 1


async def _tell(life: Life, sender: Device, receiver: Device, call: str, seq: int) -> None:
    """Until it has arrived: what was sent to somebody whose socket is just being replaced is lost, as promised."""

    def arrived() -> bool:
        return any(message["seq"] == seq for message in receiver.peer_messages)

    for _ in range(SENDINGS):
        await sender.peer(call, seq, {"kind": "media", "microphone": True, "camera": False})
        try:
            async with asyncio.timeout(RESEND_SECONDS):
                await receiver.until(arrived, "a peer message")
            return
        except TimeoutError:
            life.resent += 1
    raise AssertionError(f"Peer message {seq} of {call} never arrived.")
