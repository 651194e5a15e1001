"""The exchange on its own: what it shows to whom when news is late, and when sockets change hands."""

import json
from typing import Any
from uuid import UUID

import pytest

from calls.bus import Bus, FrameNews
from calls.core.protocol import Offer, Peer, PersonView
from calls.core.snapshot import Facts, LegFacts
from calls.core.vocabulary import CallState, CloseCode, EndReason, Kind, LegState, Role
from calls.device import Device
from calls.exchange import Exchange
from calls.presence import Presence
from calls.steward import Steward


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


async def test_who_read_a_call_before_it_ended_and_came_after_is_told_that_it_has(exchange: Exchange) -> None:
    """A sign-in reads in its thread while the loop learns of the end."""
    enter(exchange, "another-of-ana")
    before, after = facts(1, CallState.ACTIVE), facts(2, CallState.ENDED, LegState.LEFT)
    exchange.deliver(before)
    exchange.deliver(after)
    device, socket = enter(exchange)
    exchange.learn([before])
    exchange.note_sent(device, before)
    assert exchange.calls() == {}, "peer messages would pass"
    assert "call" in {call for _, call in Steward(exchange)._roster().revs}
    for _ in range(2):
        exchange.deliver(after)
    await device.flushed()
    assert socket.revs() == [2]


async def test_a_call_that_a_sign_in_was_too_early_for_is_missed_by_the_steward(exchange: Exchange) -> None:
    """Her other tab has it."""
    enter(exchange)
    exchange.deliver(facts(1, CallState.ACTIVE))
    enter(exchange, "another-of-ana")
    assert Steward(exchange)._roster().revs == {("ana", "call"): 0}


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


async def test_of_two_sockets_of_a_device_the_one_that_said_hello_last_stays(exchange: Exchange) -> None:
    """Even if its sign-in took less time than that of the page before it."""
    before = Device("ana", "device-of-ana", "session", Socket())
    after, _ = enter(exchange)
    assert not exchange.enter(before)
    assert (before.close_code, after.close_code) == (CloseCode.REPLACED, None)
    assert exchange.devices() == [after]


class Wire(Bus):
    """Hands what one exchange posts to another."""

    def __init__(self) -> None:
        super().__init__("")
        self.to: Exchange | None = None

    def post(self, news: Any) -> None:
        if self.to is not None:
            self.to._take(news)


async def test_peer_messages_reach_a_device_whose_old_socket_hangs_in_this_process() -> None:
    """Its network went away without a word, and it has come back to another process."""
    wires = Wire(), Wire()
    here, there = (Exchange(Presence(""), wire) for wire in wires)
    wires[0].to, wires[1].to = there, here
    call, leg_of_ben = UUID(int=1), UUID(int=2)
    people = [PersonView(id=name, name=name, handle=name, hue=0) for name in ("ana", "ben")]
    legs = [
        LegFacts(str(UUID(int=3)), Role.CALLER, LegState.JOINED, people[0], "device-of-ana", 1, False),
        LegFacts(str(leg_of_ben), Role.CALLEE, LegState.JOINED, people[1], "device-of-ben", 1, False),
    ]
    ana = Device("ana", "device-of-ana", "session", Socket())
    dead, live = (Device("ben", "device-of-ben", "session", Socket()) for _ in range(2))
    here.enter(ana)
    here.enter(dead)
    there.enter(live)
    for exchange in (here, there):
        exchange.deliver(Facts(str(call), 1, Kind.VOICE, CallState.ACTIVE, legs))
    message = Peer(call=call, to=leg_of_ben, epoch=1, to_epoch=1, seq=1, ack=0, body=Offer(sdp="v=0"))
    posted: list[bytes] = []
    live.post = posted.append  # type: ignore[method-assign]
    here.relay(ana, message)
    assert len(posted) == 1
    dead.doubted = False  # it has been heard again: nothing needs to go twice
    here.relay(ana, message)
    assert len(posted) == 1
