"""The consumer on its own, ended in ways that a server has and Channels' `disconnect()` is not told of."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from django.conf import settings

from accounts.models import User
from calls import consumers
from calls.exchange import exchange
from calls.identity import Identity
from calls.welcome import Arrival


def received(message: dict[str, Any]) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": json.dumps(message)}


HELLO = received({"type": "hello", "protocol": 1, "device": "device-of-ana-01"})
SCOPE = {
    "type": "websocket",
    "headers": [
        (b"origin", settings.EARSHOT_ORIGINS[0].encode()),
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}=session".encode()),
    ],
}


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    arrival = Arrival(Identity(User(name="Ana", handle="ana"), "session"), [])
    monkeypatch.setattr(consumers.welcome, "sign_in", lambda *_: arrival)


@pytest.mark.parametrize("end", [RuntimeError("a bug"), asyncio.CancelledError()], ids=["exception", "cancelled"])
async def test_a_socket_that_ends_without_a_disconnect_is_not_on_line_for_ever(end: BaseException) -> None:
    """Daphne cancels a handler that takes over 10 s; a bug raises out of it."""
    seen: list[int] = []
    events = iter([{"type": "websocket.connect"}, HELLO])

    async def receive() -> dict[str, Any]:
        if (event := next(events, None)) is not None:
            return event
        seen.append(len(exchange.devices()))
        raise end

    async def send(event: dict[str, Any]) -> None:
        pass

    with pytest.raises(type(end)):
        await consumers.SignalingConsumer()(SCOPE, receive, send)
    assert (seen, exchange.devices()) == ([1], [])


async def test_of_two_pages_with_much_to_say_neither_waits_for_the_other() -> None:
    turns: list[str] = []
    both_are_there = asyncio.Barrier(2)

    async def talk(device: str) -> None:
        pings = [received({"type": "ping"})] * 20
        events = [{"type": "websocket.connect"}, {**HELLO, "text": HELLO["text"].replace("device-of-ana-01", device)}]
        frames = iter([*events, *pings, {"type": "websocket.disconnect"}])

        async def receive() -> dict[str, Any]:
            event = next(frames)
            if event in pings:
                if device not in turns:
                    await both_are_there.wait()
                turns.append(device)
            return event

        async def send(event: dict[str, Any]) -> None:
            pass

        await consumers.SignalingConsumer()(SCOPE, receive, send)

    await asyncio.gather(talk("device-of-ana-01"), talk("device-of-ana-02"))
    assert not [one for one, other in pairwise(turns[2:-2]) if one == other], turns
