"""The one object of each process that knows its connected devices and passes messages to them.

A message for a device of this process goes straight to it. What other processes must know goes over the bus
(`bus.py`), joined once for the whole process: a group for every socket costs 10 to 400 times as much.

All of it runs on the event loop, without the database; `publish`, `sign_out` and `rekey` may be called from any thread.
"""

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from random import uniform
from time import monotonic
from uuid import UUID

import msgspec
from django.conf import settings

from . import turn
from .bus import ArrivalNews, Bus, FrameNews, News, PresenceNews, RekeyNews, SignOutNews
from .core import protocol
from .core.candidates import reveals_address
from .core.errors import NotActive, NotAllowed
from .core.protocol import Peer, PeerForward, PresenceUpdate, PresenceView, encode
from .core.snapshot import Facts, LegFacts, snapshot
from .core.vocabulary import CallState, CloseCode, LegState
from .core.vocabulary import Presence as Status
from .device import Device
from .metrics import PEER_MESSAGES
from .presence import LINGER_SECONDS, Presence, presence

logger = logging.getLogger(__name__)

# Late hints about a call that has ended must not bring it back to life: remember so many of the last ended.
ENDED_REMEMBERED = 4096

# Presence changes are gathered for so long before they are sent on.
PRESENCE_GATHER_SECONDS = 0.25

# A process that stops sends its devices away over this time at most, so many a second: elsewhere each must sign in.
STOP_SPREAD_SECONDS = 4.0
STOP_PER_SECOND = 250

# How long it then waits for their closes to be answered.
STOP_WAIT_SECONDS = 2.0


class Exchange:
    def __init__(self, presence: Presence, bus: Bus) -> None:
        self.presence = presence
        self._bus = bus
        self._loop: asyncio.AbstractEventLoop | None = None
        self._devices: dict[str, dict[str, Device]] = defaultdict(dict)
        self._calls: dict[str, Facts] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._changed: set[str] = set()
        self.stopping = False
        # Devices whose session is over, until the steward has ended their calls; `urgent` wakes it.
        self.signed_out: set[tuple[str, str]] = set()
        self.urgent = asyncio.Event()

    async def start(self) -> None:
        """Join the bus. The loop that runs this is the one that owns the exchange."""
        self._loop = asyncio.get_running_loop()
        await self._bus.start(self._take)

    async def send_away(self) -> None:
        """Ask the devices to come back elsewhere, spread out, and wait until they are gone. None is let in any more."""
        self.stopping = True
        loop, devices = asyncio.get_running_loop(), self.devices()
        spread = min(STOP_SPREAD_SECONDS, len(devices) / STOP_PER_SECOND)
        for device in devices:
            loop.call_later(uniform(0, spread), device.close, CloseCode.RESTARTING)
        until = monotonic() + spread + STOP_WAIT_SECONDS
        while self._devices and monotonic() < until:
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Leave the bus. Whoever is connected still is cut off."""
        await self._bus.stop()
        self._loop = None

    def devices(self) -> list[Device]:
        return [device for devices in self._devices.values() for device in devices.values()]

    def by_person(self) -> dict[str, list[Device]]:
        return {person: list(devices.values()) for person, devices in self._devices.items() if devices}

    def calls(self) -> dict[str, Facts]:
        """The newest facts of each live call with a device here, by call id."""
        return self._calls

    def enter(self, device: Device) -> bool:
        """A device said hello. Of two sockets of one device the one that said it first is closed: the page has come
        back. False if that is this one, whose sign-in took longer than the other's."""
        other = self._devices.get(device.person, {}).get(device.id)
        if other is not None and other.hello > device.hello:
            device.close(CloseCode.REPLACED)
            return False
        if other is not None:
            other.close(CloseCode.REPLACED)
        self._devices[device.person][device.id] = device
        self.presence.arrived(device.person, device.id)
        self._bus.post(ArrivalNews(device.person, device.id))
        self._presence_changed([device.person])
        return True

    def leave(self, device: Device) -> None:
        """Its socket is gone. Nothing durable happens: the steward decides what that means for calls."""
        devices = self._devices.get(device.person, {})
        if devices.get(device.id) is not device:
            return
        del devices[device.id]
        if not devices:
            del self._devices[device.person]
            self._forget_calls_of(device.person)
        self.presence.left(device.person, device.id)
        if self._loop is not None and not devices:
            self._loop.call_later(LINGER_SECONDS, self._presence_changed, [device.person])

    def rouse_steward(self, after: float) -> None:
        """Let it look again so many seconds from now. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.call_later, after, self.urgent.set)

    def is_reachable(self, person: UUID) -> bool:
        """Whether any device of this person is on line, in any process. Not for the event loop."""
        return self.presence.is_reachable(str(person))

    # --- calls -------------------------------------------------------------------------------------------

    def publish(self, facts: Facts) -> None:
        """Tell every device of everyone in the call, here and elsewhere. From any thread, after commit."""
        self._on_loop(self._deliver_and_pass_on, facts)

    def _deliver_and_pass_on(self, facts: Facts) -> None:
        self.deliver(facts)
        self._bus.post(News(facts))

    def deliver(self, facts: Facts) -> int:
        """Send the snapshot to each device here that has an older one, and return to how many; keep the facts for peer
        messages. That a call has ended is told once, and again to a device that takes it for live: it came when the end
        was known here and read what was before."""
        known, over = self._calls.get(facts.id), facts.id in self._ended
        ended = facts.state is CallState.ENDED
        if not ended and (over or (known is not None and known.rev > facts.rev)):
            return 0
        people = [leg.person.id for leg in facts.legs]
        if not any(person in self._devices for person in people):
            return 0
        if ended:
            self._calls.pop(facts.id, None)
            self._remember_ended(facts.id)
        else:
            self._calls[facts.id] = facts
        shown = 0
        for person in people:
            leg = facts.leg_of(person)
            for device in list(self._devices.get(person, {}).values()):
                unseen = facts.id in device.sent if over else device.sent.get(facts.id, 0) < facts.rev
                if leg is not None and unseen:
                    self._show(device, facts, leg)
                    shown += 1
        return shown

    def _show(self, device: Device, facts: Facts, leg: LegFacts) -> None:
        device.post(encode(protocol.Call(self.view(device, facts, leg))))
        self.note_sent(device, facts)

    def view(self, device: Device, facts: Facts, leg: LegFacts) -> protocol.CallView:
        """The call as this device may see it; TURN credentials go to the bound device of an active call."""
        bound = facts.state is CallState.ACTIVE and leg.state is LegState.JOINED and leg.device == device.id
        if bound:
            device.credentials_at = monotonic()
        return snapshot(facts, leg, turn.ice_servers(device.person) if bound else None)

    def renew_relay_credentials(self) -> None:
        """Send the devices of long calls their snapshot again, whose credentials are fresh."""
        if not settings.TURN_URLS:
            return
        due = monotonic() - turn.RENEW_SECONDS
        for facts in self._calls.values():
            for leg in facts.legs if facts.state is CallState.ACTIVE else ():
                device = self._devices.get(leg.person.id, {}).get(leg.device or "")
                if leg.state is LegState.JOINED and device and (device.credentials_at or 0) < due:
                    self._show(device, facts, leg)

    def note_sent(self, device: Device, facts: Facts) -> None:
        if facts.state is CallState.ENDED:
            device.sent.pop(facts.id, None)
        else:
            device.sent[facts.id] = facts.rev

    def learn(self, facts: Iterable[Facts]) -> None:
        """Facts read from the database for a device that has just said hello; they may be of a moment ago."""
        for each in facts:
            known, over = self._calls.get(each.id), each.id in self._ended
            if each.state is not CallState.ENDED and not over and (known is None or known.rev < each.rev):
                self._calls[each.id] = each

    def _remember_ended(self, call_id: str) -> None:
        self._ended[call_id] = None
        if len(self._ended) > ENDED_REMEMBERED:
            self._ended.popitem(last=False)

    def _forget_calls_of(self, person: str) -> None:
        for call_id, facts in list(self._calls.items()):
            if not any(leg.person.id in self._devices for leg in facts.legs):
                del self._calls[call_id]

    # --- peer messages -----------------------------------------------------------------------------------

    def relay(self, device: Device, message: Peer) -> None:
        """Pass a peer message on to the other bound device.

        Raises `NotActive` unless both are joined legs of the call, which makes it active, the sender's on this
        very device, and `NotAllowed` if the message reveals an address that its sender hides. A message of an epoch
        that is over is dropped without a word: its sender cannot know yet.
        """
        facts = self._calls.get(str(message.call))
        if facts is None:
            raise NotActive
        sender = facts.leg_of(device.person)
        receiver = next((leg for leg in facts.legs if leg.id == str(message.to)), None)
        if sender is None or sender.state is not LegState.JOINED or sender.device != device.id:
            raise NotActive
        if receiver is None or receiver is sender or receiver.state is not LegState.JOINED:
            raise NotActive
        if message.epoch != sender.epoch or message.to_epoch != receiver.epoch:
            return
        if sender.hides_address and reveals_address(message.body):
            raise NotAllowed("You hide your address: only the relay's candidates pass.")
        frame = encode(
            PeerForward(
                call=facts.id,
                from_=sender.id,
                epoch=message.epoch,
                to_epoch=message.to_epoch,
                seq=message.seq,
                ack=message.ack,
                body=message.body,
            )
        )
        PEER_MESSAGES.inc()
        assert receiver.device is not None
        local = self._devices.get(receiver.person.id, {}).get(receiver.device)
        if local is not None:
            local.post(frame)
        if local is None or local.doubted:
            self._bus.post(FrameNews(facts.id, receiver.person.id, receiver.device, frame.decode()))

    def _binds(self, call_id: str, device: Device) -> bool:
        """Whether this device is in this active call. The sender's process may not have heard yet that it is no more;
        that it is, this one has carried out itself or read when the device came."""
        facts = self._calls.get(call_id)
        leg = facts.leg_of(device.person) if facts and facts.state is CallState.ACTIVE else None
        return leg is not None and leg.state is LegState.JOINED and leg.device == device.id

    # --- presence ----------------------------------------------------------------------------------------

    def watch(self, device: Device, people: list[UUID]) -> None:
        """Raises `NotAllowed` if a guest asks for others than whom their link rings."""
        watched = frozenset(msgspec.to_builtins(people))  # as str(), in an eighth of the time
        if device.host is not None and not watched <= {device.host.owner}:
            raise NotAllowed("A guest sees only whether the one they came to call is there.")
        device.watched = watched
        self._show_watched(device, watched)

    def _show_watched(self, device: Device, people: Iterable[str]) -> None:
        """To a guest, somebody is free or is not there; the rest is for colleagues."""
        views = self.presence.views(sorted(people))
        if device.host is not None:
            views = [
                PresenceView(view.id, Status.ONLINE if view.status is Status.ONLINE else Status.OFFLINE)
                for view in views
            ]
        device.post(encode(PresenceUpdate(views)))

    def idle(self, device: Device, idle: bool) -> None:
        if self.presence.set_idle(device.person, device.id, idle):
            self._presence_changed([device.person])

    def _presence_changed(self, people: Iterable[str]) -> None:
        people = list(people)
        self.show_presence(people)
        self._bus.post(PresenceNews(people))

    def show_presence(self, people: Iterable[str]) -> None:
        """Send how these people are now to whoever watches them, gathered over a moment."""
        if self._loop is None:
            return
        if not self._changed:
            self._loop.call_later(PRESENCE_GATHER_SECONDS, self._flush_presence)
        self._changed.update(people)

    def _flush_presence(self) -> None:
        changed, self._changed = self._changed, set()
        for device in self.devices():
            if people := device.watched & changed:
                self._show_watched(device, people)

    # --- signing out -------------------------------------------------------------------------------------

    def sign_out(self, *, session: str | None = None, person: UUID | None = None, link: UUID | None = None) -> None:
        """Close the sockets of a session, of a person, or of a link's guests, in every process. From any thread."""
        news = SignOutNews(session, str(person) if person else None, str(link) if link else None)
        self._on_loop(self._sign_out, news)

    def _sign_out(self, news: SignOutNews) -> None:
        self._close_signed_out(news)
        self._bus.post(news)

    def _close_signed_out(self, news: SignOutNews) -> None:
        for device in self.devices():
            link = str(device.host.link) if device.host else None
            if device.close_code == CloseCode.SIGNED_OUT:
                continue  # once is enough: each time wakes the steward, who would find it again until its page is gone
            if device.session == news.session or device.person == news.person or (link and link == news.link):
                device.close(CloseCode.SIGNED_OUT)
                self.signed_out.add((device.person, device.id))
                self.urgent.set()

    def rekey(self, *, old: str, new: str) -> None:
        """A session goes on under a new key, and so do its sockets, in every process. From any thread."""
        self._on_loop(self._rekey, RekeyNews(old, new))

    def _rekey(self, news: RekeyNews) -> None:
        self._follow(news)
        self._bus.post(news)

    def _follow(self, news: RekeyNews) -> None:
        for device in self.devices():
            if device.session == news.old:
                device.session = news.new

    # --- the bus -----------------------------------------------------------------------------------------

    def _take(self, news: msgspec.Struct) -> None:
        """Something that another process posted."""
        match news:
            case News(facts=facts):
                self.deliver(facts)
            case FrameNews(call=call_id, person=person, device=device_id, frame=frame):
                device = self._devices.get(person, {}).get(device_id)
                if device is not None and self._binds(call_id, device):
                    device.post(frame.encode())
            case ArrivalNews(person=person, device=device_id):
                device = self._devices.get(person, {}).get(device_id)
                if device is not None:
                    device.doubted = True
            case PresenceNews(people=people):
                self.show_presence(people)
            case SignOutNews():
                self._close_signed_out(news)
            case RekeyNews():
                self._follow(news)

    def _on_loop(self, act: Callable[..., None], news: Facts | SignOutNews | RekeyNews) -> None:
        """In a serving process, on its loop. Elsewhere (a command) there is nobody local: straight to the bus."""
        if self._loop is None:
            self._bus.post_from_outside(News(news) if isinstance(news, Facts) else news)
        else:
            self._loop.call_soon_threadsafe(act, news)


exchange = Exchange(presence, Bus(settings.REDIS_URL))
