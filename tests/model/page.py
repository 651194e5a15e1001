"""The page of the model: what a device draws from snapshots, and what it asks for (static/js/calls.js, call.js)."""

from calls.core.vocabulary import CallState, LegState

from .world import Answer, Command, Connection, Device, Guards, Peer, Snapshot, loaded

JOINING = ("place", "accept", "rejoin")


def rings(device: Device, call: int) -> bool:
    """A card is shown for this call."""
    known = device.known[call]
    return (
        known is not None
        and known.state is CallState.RINGING
        and known.mine is LegState.RINGING
        and not device.marks[call]
    )


def joined(device: Device) -> int | None:
    """The call that this person is in, on whatever device."""
    for call, known in enumerate(device.known):
        if known and known.state is not CallState.ENDED and known.mine is LegState.JOINED:
            return call
    return None


def ask(device: Device, command: Command) -> Device:
    """To join: the session begins, and its answer is awaited."""
    device = _mark(device, command.call, "opened")
    return device._replace(page="joining", call=command.call, pending=command, connection=None)


def has_placed(device: Device, call: int) -> Device:
    """It has asked, and has been answered."""
    return _mark(device, call, "opened")._replace(page="joined", call=call)


def rejoin(device: Device, command: Command) -> Device:
    known = device.known[command.call]
    return ask(device, command)._replace(before=known.epoch if known else 0)


def switch(device: Device, command: Command) -> Device:
    """What goes on here goes on until the answer."""
    return _mark(device, command.call, "handled")._replace(pending=command)


def decline(device: Device, command: Command) -> Device:
    return _mark(device, command.call, "declined")._replace(pending=command)


def leave(device: Device, command: Command) -> Device:
    """Hang up; or leave what the page is through with."""
    return _over(_mark(device, command.call, "opened"))._replace(pending=command)


def leave_unanswered(device: Device) -> Device:
    """Hang up while it is not known yet what was joined: the command waits for that answer."""
    return _over(device)


def reloaded(device: Device, began: tuple[int, ...]) -> Device:
    """Nothing is left but the device's id."""
    return loaded(began)


def take_answer(device: Device, answer: Answer, name: str, guards: Guards) -> Device:
    asked = device.pending
    if asked is None or asked.id != answer.command:
        return device
    device = device._replace(pending=None)
    if asked.name == "switch":
        if not answer.ok:
            return _mark(device, asked.call, "")
        device = _over(device)._replace(page="joined", call=answer.call)
    elif asked.name not in JOINING:
        return device
    elif device.page == "joining":
        if not answer.ok:
            return _over(device)
        device = device._replace(page="joined", call=answer.call)
    elif not answer.ok:
        return device
    return _apply(_mark(device, answer.call, "opened"), answer.call, name, guards)


def leaves_now(device: Device, answer: Answer, guards: Guards) -> int | None:
    """The call to hang up, when this answers what was hung up unanswered: the one that it became."""
    asked = device.pending
    if asked is None or asked.id != answer.command or asked.name not in JOINING or device.page != "idle":
        return None
    call = answer.call if guards.leaves_what_it_became else asked.call
    known = device.known[call]
    return None if known is not None and known.state is CallState.ENDED else call


def take_snapshot(device: Device, call: int, snapshot: Snapshot, name: str, guards: Guards) -> Device:
    known = device.known[call]
    if known is not None and guards.highest_rev and known.rev > snapshot.rev:
        return device
    all_known = list(device.known)
    all_known[call] = snapshot
    return _apply(device._replace(known=tuple(all_known)), call, name, guards)


def take_welcome(device: Device, name: str, snapshots: list[tuple[int, Snapshot]], guards: Guards) -> Device:
    for call, snapshot in snapshots:
        device = take_snapshot(device, call, snapshot, name, guards)
    return device


def bound(device: Device, name: str) -> int | None:
    """The call that is bound to this very device though it is not on its page, which has nothing else to do."""
    call = joined(device)
    known = None if call is None else device.known[call]
    if device.page != "idle" or device.pending is not None or known is None or known.device != name:
        return None
    return call


def is_through(device: Device, call: int, guards: Guards) -> bool:
    """With a call that is not on this page: it was, or was declined here."""
    return device.marks[call] == "opened" or (guards.heeds_decline and device.marks[call] == "declined")


def takes_peer(device: Device, name: str, peer: Peer, guards: Guards) -> bool:
    connection = device.connection
    if connection is None or peer.device != name or device.call != peer.call:
        return False
    return not guards.page_epochs or (peer.epoch, peer.to_epoch) == (connection.other_epoch, connection.epoch)


def _apply(device: Device, call: int, name: str, guards: Guards) -> Device:
    """The session follows the newest snapshot of its call."""
    known = device.known[call]
    if device.call != call or known is None or device.page == "idle":
        return device
    if known.state is CallState.ENDED or (known.mine is LegState.JOINED and known.device != name):
        return _over(device)
    if known.state is not CallState.ACTIVE or _waits(device, known, guards):
        return device
    connection, epochs = device.connection, (known.epoch, known.other_epoch)
    if connection is not None and connection[:2] == epochs:
        return device
    serial = known.serial if known.serial > device.began[call] else 0
    return device._replace(connection=Connection(*epochs, serial, known.other_serial))


def _waits(device: Device, known: Snapshot, guards: Guards) -> bool:
    """A page that was reloaded must not use the epoch of the page that it was."""
    if device.pending is not None and device.pending.name == "rejoin":
        return True
    return guards.awaits_epoch and known.epoch <= device.before


def _mark(device: Device, call: int, mark: str) -> Device:
    marks = list(device.marks)
    marks[call] = mark
    return device._replace(marks=tuple(marks))


def _over(device: Device) -> Device:
    return device._replace(page="idle", call=None, connection=None, before=0)
