"""Many calls placed within a second, each played to its end, and what became of them."""

import asyncio
import random
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

from .device import Device

RUSH_SECONDS = 1.0

# How long a person takes to answer, and then talks, at most.
THINK_SECONDS = 2.0

# How calls end here, each as often as it is named. The database must say the same.
ENDINGS = ("completed", "completed", "completed", "declined", "cancelled")


@dataclass(slots=True)
class Rush:
    """What was seen: how each call must have ended, what was answered, and seconds from asking to having."""

    endings: dict[str, str] = field(default_factory=dict)
    commands: int = 0
    placing: list[float] = field(default_factory=list)
    ringing: list[float] = field(default_factory=list)
    answering: list[float] = field(default_factory=list)
    seconds: float = 0

    async def ask(self, device: Device, type_: str, **fields: str) -> None:
        self.commands += 1
        await device.must(type_, **fields)


async def rush(pairs: list[tuple[Device, Device]], ids: list[str]) -> Rush:
    """Each of the first calls the second, whose ids these are. Raises if anybody is not told what they must be."""
    seen, began = Rush(), monotonic()
    await asyncio.gather(*(_call(seen, *pair, callee_id) for pair, callee_id in zip(pairs, ids, strict=True)))
    seen.seconds = monotonic() - began
    return seen


async def _call(seen: Rush, caller: Device, callee: Device, callee_id: str) -> None:
    call, ending = str(uuid4()), random.choice(ENDINGS)
    seen.endings[call] = ending
    await asyncio.sleep(random.uniform(0, RUSH_SECONDS))
    began = monotonic()
    await asyncio.gather(_place(seen, caller, call, callee_id, began), _hear(seen, callee, call, began))
    await seen.ask(callee, "call.alert", call=call)
    await caller.until(lambda: caller.leg(call, mine=False)["alerted"], "the caller's Ringing…")
    await asyncio.sleep(random.uniform(0, THINK_SECONDS))
    match ending:
        case "declined":
            await seen.ask(callee, "call.decline", call=call)
        case "cancelled":
            await seen.ask(caller, "call.hang_up", call=call)
        case _:
            await _talk(seen, caller, callee, call)
    for device in (caller, callee):
        await device.until(lambda device=device: device.state(call) == "ended", "the end")  # type: ignore[misc]
        if device.calls[call]["end_reason"] != ending:
            raise AssertionError(f"{call} is {device.calls[call]['end_reason']} to a side, not {ending}.")


async def _place(seen: Rush, caller: Device, call: str, to: str, began: float) -> None:
    await seen.ask(caller, "call.place", call=call, to=to, kind="voice")
    seen.placing.append(monotonic() - began)


async def _hear(seen: Rush, callee: Device, call: str, began: float) -> None:
    await callee.until(lambda: callee.state(call) == "ringing", "a ring")
    seen.ringing.append(monotonic() - began)


async def _talk(seen: Rush, caller: Device, callee: Device, call: str) -> None:
    began = monotonic()
    await seen.ask(callee, "call.accept", call=call)
    for device in (caller, callee):
        await device.until(lambda device=device: device.state(call) == "active", "the answer")  # type: ignore[misc]
    seen.answering.append(monotonic() - began)
    await caller.peer(call, 1, {"kind": "offer", "sdp": "v=0"})
    await callee.until(lambda: callee.peer_messages, "the offer")
    await asyncio.sleep(random.uniform(0, THINK_SECONDS))
    await seen.ask(random.choice((caller, callee)), "call.hang_up", call=call)
