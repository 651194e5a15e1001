"""A call as one person may see it: what the wire carries instead of events ("Snapshots" in docs/protocol.md).

`Facts` are what a process must know of a call to draw anyone's snapshot and to let peer messages pass. They
cross processes as JSON; a client never sees them.
"""

import msgspec

from .protocol import CallView, IceServer, LegView, PersonView
from .vocabulary import CallState, EndReason, FailureStage, Kind, LegState, Role


class LegFacts(msgspec.Struct, frozen=True):
    """`hidden`: its person must learn nothing of the call (they have blocked the caller)."""

    id: str
    role: Role
    state: LegState
    person: PersonView
    device: str | None
    epoch: int
    alerted: bool
    failure: FailureStage | None = None
    hidden: bool = False
    hides_address: bool = False


class Facts(msgspec.Struct, frozen=True):
    """Times are milliseconds left or passed at the moment that the facts were read.

    `by_admin`: an admin ended it, which its people are told. They are not told what else may revoke a call.
    """

    id: str
    rev: int
    kind: Kind
    state: CallState
    legs: list[LegFacts]
    end_reason: EndReason | None = None
    by_admin: bool = False
    ring_left_ms: int | None = None
    active_ms: int | None = None

    def leg_of(self, person: str) -> LegFacts | None:
        """The leg that `person` may know to be theirs."""
        return next((leg for leg in self.legs if leg.person.id == person and not leg.hidden), None)


def snapshot(facts: Facts, me: LegFacts, ice_servers: list[IceServer] | None) -> CallView:
    """What the person of leg `me` sees. `ice_servers` are for the bound device of an active call only."""
    return CallView(
        id=facts.id,
        rev=facts.rev,
        kind=facts.kind,
        state=facts.state,
        me=me.id,
        legs=[_leg(leg, own=leg.id == me.id) for leg in facts.legs],
        end_reason=facts.end_reason,
        by_admin=facts.by_admin,
        ring_left_ms=facts.ring_left_ms,
        active_ms=facts.active_ms,
        relay_only=me.hides_address,
        ice_servers=ice_servers,
    )


def _leg(leg: LegFacts, *, own: bool) -> LegView:
    return LegView(
        id=leg.id,
        role=leg.role,
        state=leg.state,
        person=leg.person,
        epoch=leg.epoch,
        alerted=leg.alerted,
        device=leg.device if own else None,
        failure=leg.failure if own else None,
    )
