"""The page of the model: what a device draws from snapshots, and what it asks for (static/js/calls.js, call.js)."""

from calls.core.vocabulary import CallState, LegState

from .world import Answer, Command, Connection, Device, Guards, Peer, Snapshot


def rings(device: Device, call: int) -> bool:
    """A card is shown for this call."""
    known = device.known[call]
    return (
        known is not None
        and known.state is CallState.RINGING
        and known.mine is LegState.RINGING
        and device.call != call
        and device.page not in ("declined", "over")
    )


def ask(device: Device, command: Command) -> Device:
    return device._replace(page="joining", call=command.call, pending=command)


def leave(device: Device, command: Command, then: str) -> Device:
    return device._replace(page=then, call=None, pending=command, connection=None)


def reloaded(device: Device) -> Device:
    """Nothing is left but the device's id."""
    return Device(known=(None,) * len(device.known))


def take_answer(device: Device, answer: Answer, name: str) -> Device:
    if device.pending is None or device.pending.id != answer.command:
        return device
    device = device._replace(pending=None)
    if device.page != "joining":
        return device
    if not answer.ok:
        return device._replace(page="over", call=None, connection=None)
    return _apply(device._replace(page="joined", call=answer.call), answer.call, name)


def take_snapshot(device: Device, call: int, snapshot: Snapshot, name: str, guards: Guards) -> Device:
    known = device.known[call]
    if known is not None and guards.highest_rev and known.rev > snapshot.rev:
        return device
    all_known = list(device.known)
    all_known[call] = snapshot
    return _apply(device._replace(known=tuple(all_known)), call, name)


def take_welcome(device: Device, name: str, snapshots: list[tuple[int, Snapshot]], guards: Guards) -> Device:
    for call, snapshot in snapshots:
        device = take_snapshot(device, call, snapshot, name, guards)
    return device


def rejoins(device: Device, name: str) -> int | None:
    """The call bound to this device that its page knows nothing of: it was reloaded."""
    if device.page not in ("idle", "declined") or device.pending is not None:
        return None
    return _bound(device, name)


def lets_go(device: Device, name: str) -> int | None:
    """The call that is bound to this device all the same, though its page is through with it."""
    if device.page != "over" or device.pending is not None:
        return None
    return _bound(device, name)


def _bound(device: Device, name: str) -> int | None:
    for call, known in enumerate(device.known):
        if known and known.state is not CallState.ENDED and known.mine is LegState.JOINED and known.device == name:
            return call
    return None


def takes_peer(device: Device, peer: Peer, guards: Guards) -> bool:
    if device.connection is None or device.call != peer.call:
        return False
    return not guards.epochs or (peer.epoch, peer.to_epoch) == (device.connection.other_epoch, device.connection.epoch)


def _apply(device: Device, call: int, name: str) -> Device:
    """The session follows the newest snapshot of its call."""
    known = device.known[call]
    if device.call != call or known is None or device.page != "joined":
        return device
    elsewhere = known.mine is LegState.JOINED and known.device != name
    if known.state is CallState.ENDED or elsewhere:
        return device._replace(page="over", call=None, connection=None)
    connection = device.connection
    if known.state is CallState.ACTIVE and (
        connection is None or (connection.epoch, connection.other_epoch) != (known.epoch, known.other_epoch)
    ):
        return device._replace(connection=Connection(known.epoch, known.other_epoch))
    return device
