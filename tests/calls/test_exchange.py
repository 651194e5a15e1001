"""The exchange on its own: what it shows to whom when news is late, and when sockets change hands."""

import json
from typing import Any

import pytest

from calls.bus import Bus, FrameNews
from calls.core.protocol import PersonView
from calls.core.snapshot import Facts, LegFacts
from calls.core.vocabulary import CallState, CloseCode, EndReason, Kind, LegState, Role
from calls.device import Device
from calls.exchange import Exchange
from calls.presence import Presence


class Socket:
    """Keeps what was sent to a device."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def __call__(self, event: dict[str, Any]) -> None:
        self.sent.append(event)

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(event["text"]) for event in self.sent if "text" in event]

    def types(self) -> list[str]:
        return [message["type"] for message in self.messages()]

    def revs(self) -> list[int]:
        return [message["call"]["rev"] for message in self.messages() if message["type"] == "call"]


@pytest.fixture
async def exchange() -> Exchange:
    made = Exchange(Presence(""), Bus(""))
    await made.start()
    return made


def facts(rev: int, state: CallState, leg: LegState = LegState.JOINED) -> Facts:
    people = [PersonView(id=name, name=name, handle=name, hue=0) for name in ("ana", "ben")]
    legs = [
        LegFacts(f"leg-{person.id}", role, leg, person, f"device-of-{person.id}", 1, False)
        for person, role in zip(people, (Role.CALLER, Role.CALLEE), strict=True)
    ]
    reason = EndReason.COMPLETED if state is CallState.ENDED else None
    return Facts("call", rev, Kind.VOICE, state, legs, end_reason=reason)


def enter(exchange: Exchange, device: str = "device-of-ana") -> tuple[Device, Socket]:
    socket = Socket()
    entered = Device("ana", device, "session", socket)
    exchange.enter(entered)
    return entered, socket


async def test_late_and_repeated_news_is_not_shown(exchange: Exchange) -> None:
    device, socket = enter(exchange)
    for rev in (2, 1, 2):
        exchange.deliver(facts(rev, CallState.ACTIVE))
    await device.flushed()
    assert socket.revs() == [2]


async def test_late_news_does_not_bring_an_ended_call_back(exchange: Exchange) -> None:
    device, socket = enter(exchange)
    exchange.deliver(facts(3, CallState.ENDED, LegState.LEFT))
    exchange.deliver(facts(2, CallState.ACTIVE))
    await device.flushed()
    assert socket.revs() == [3]
    assert exchange.calls() == {}


async def test_a_device_that_was_signed_in_before_the_end_and_let_in_after_it_is_told_of_it_once(
    exchange: Exchange,
) -> None:
    """Its welcome shows a call that everybody else here knows to be over; the steward finds that, and says so."""
    _, others = enter(exchange)
    exchange.deliver(facts(3, CallState.ENDED, LegState.LEFT))
    device, socket = enter(exchange, "another-of-ana-s-devices")
    exchange.learn([facts(2, CallState.ACTIVE)])
    exchange.note_sent(device, facts(2, CallState.ACTIVE))
    assert exchange.calls() == {}
    for _ in range(2):
        exchange.deliver(facts(3, CallState.ENDED, LegState.LEFT))
    await device.flushed()
    assert (socket.revs(), others.revs()) == ([3], [3])


async def test_a_peer_message_from_a_process_that_has_not_heard_of_the_end_goes_no_further(exchange: Exchange) -> None:
    bound, socket = enter(exchange)
    other, socket_of_other = enter(exchange, "another-of-ana-s-devices")
    exchange.deliver(facts(2, CallState.ACTIVE))
    for device in (bound, other):
        exchange._take(FrameNews("call", "ana", device.id, '{"type":"peer"}'))
    exchange.deliver(facts(3, CallState.ENDED, LegState.LEFT))
    exchange._take(FrameNews("call", "ana", bound.id, '{"type":"peer"}'))
    for device in (bound, other):
        await device.flushed()
    assert (socket.types(), socket_of_other.types()) == (["call", "peer", "call"], ["call", "call"])


async def test_the_older_socket_of_a_device_takes_nothing_along_when_it_goes(exchange: Exchange) -> None:
    older, _ = enter(exchange)
    newer, socket = enter(exchange)
    await older.flushed()
    assert older.closing
    exchange.leave(older)
    exchange.deliver(facts(1, CallState.ACTIVE))
    await newer.flushed()
    assert exchange.devices() == [newer]
    assert socket.revs() == [1]


async def test_a_socket_that_does_not_read_is_closed_and_told_to_come_back(exchange: Exchange) -> None:
    device, socket = enter(exchange)
    for _ in range(600):
        device.post(b"x" * 1024)
    await device.flushed()
    assert socket.sent[-1] == {"type": "websocket.close", "code": CloseCode.TOO_SLOW}
