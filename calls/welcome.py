"""What happens when a device says hello: who it is, what it must know, and its place in the exchange."""

from dataclasses import dataclass

from . import facts, turn
from .core import protocol
from .core.protocol import Hello, encode
from .core.snapshot import Facts
from .device import Device, Host, Send
from .exchange import exchange
from .identity import Identity, identify
from .models import Guest, Leg


@dataclass(frozen=True, slots=True)
class Arrival:
    """A signed-in device at the door: its person, and the calls it must know of."""

    identity: Identity
    calls: list[Facts]

    def device(self, device_id: str, send: Send, user_agent: str, hello: int) -> Device:
        person = self.identity.person
        host = Host(person.link_id, str(person.link.owner_id)) if isinstance(person, Guest) else None
        return Device(str(person.pk), device_id, self.identity.session, send, host, user_agent, hello)


def sign_in(session: str, hello: Hello) -> Arrival | None:
    """Read who it is and their calls, in one hop off the event loop. None if the session is over."""
    identity = identify(session)
    if identity is None:
        return None
    exchange.presence.announce(str(identity.person.pk))
    mine = Leg.objects.known_to(identity.person.pk)
    live = mine.live().values_list("call_id", flat=True)
    held = mine.filter(call_id__in=hello.calls).values_list("call_id", flat=True) if hello.calls else ()
    return Arrival(identity, facts.load({*live, *held}))


def let_in(device: Device, arrival: Arrival) -> None:
    """Welcome it. From here on it is sent what changes; what changed while we read, the steward heals."""
    if not exchange.enter(device):
        return
    exchange.learn(arrival.calls)
    views = []
    for each in arrival.calls:
        if (leg := each.leg_of(device.person)) is not None:
            views.append(exchange.view(device, each, leg))
            exchange.note_sent(device, each)
    person = arrival.identity.person
    device.post(
        encode(
            protocol.Welcome(
                protocol=protocol.PROTOCOL_VERSION,
                person=facts.person_view(person, person.pk),
                calls=views,
                ice_servers=turn.stun_servers(),
            )
        )
    )
