"""What happens when a device says hello: who it is, what it must know, and its place in the exchange."""

from dataclasses import dataclass

from . import facts, turn
from .core import protocol
from .core.protocol import Hello, encode
from .core.snapshot import Facts
from .device import Device
from .exchange import exchange
from .identity import Identity, identify
from .models import Leg


@dataclass(frozen=True, slots=True)
class Arrival:
    """A signed-in device at the door: its person, and the calls it must know of."""

    identity: Identity
    calls: list[Facts]


def sign_in(session: str, hello: Hello) -> Arrival | None:
    """Read who it is and their calls, in one hop off the event loop. None if the session is over."""
    identity = identify(session)
    if identity is None:
        return None
    exchange.presence.announce(str(identity.user.pk))
    mine = Leg.objects.known_to(identity.user.pk)
    live = mine.live().values_list("call_id", flat=True)
    held = mine.filter(call_id__in=hello.calls).values_list("call_id", flat=True) if hello.calls else ()
    return Arrival(identity, facts.load({*live, *held}))


def let_in(device: Device, arrival: Arrival) -> None:
    """Welcome it. From here on it is sent what changes; what changed while we read, the steward heals."""
    exchange.learn(arrival.calls)
    exchange.enter(device)
    views = []
    for each in arrival.calls:
        if (leg := each.leg_of(device.person)) is not None:
            views.append(exchange.view(device, each, leg))
            exchange.note_sent(device, each)
    user = arrival.identity.user
    device.post(
        encode(
            protocol.Welcome(
                protocol=protocol.PROTOCOL_VERSION,
                person=facts.person_view(user, user.pk),
                calls=views,
                ice_servers=turn.stun_servers(),
            )
        )
    )
