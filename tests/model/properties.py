"""What must hold in every world, and over every step, as sentences to show when it breaks."""

from collections import Counter
from collections.abc import Iterator
from functools import cache

from calls.core.vocabulary import CallState, LegState

from . import page
from .moves import Model
from .server import last
from .world import World


def broken_in(model: Model, world: World) -> Iterator[str]:
    yield from _broken_rows(model, tuple(last(world, call) for call in range(len(world.calls))))
    for name, device in zip(model.names, world.devices, strict=True):
        connection = device.connection
        if connection is None:
            continue
        if not _was_active_on(model, world, device.call, name):
            yield "No browser opens a peer connection before the call was answered, on this device."
        for peer in world.peers:
            if not page.takes_peer(device, name, peer, model.guards) or peer.serial is None:
                continue
            if (peer.serial, peer.to_serial) != (connection.to_serial, connection.serial):
                yield "A connection takes nothing but what was sent by the one that it was made for."


@cache
def _broken_rows(model: Model, newest: tuple[int | None, ...]) -> tuple[str, ...]:
    """What is wrong with the calls as they are now, by the numbers of their rows: many worlds have the same."""
    broken = []
    rows = [model.server.rows[number].call for number in newest if number is not None]
    live = [row for row in rows if row.state is not CallState.ENDED]
    for row in rows:
        ended = row.state is CallState.ENDED
        if (row.ended_at is not None) != ended or (row.end_reason is not None) != ended:
            broken.append("A call has an end and a reason if and only if it has ended.")
        if ended and any(leg.state.live for leg in row.legs):
            broken.append("No leg of an ended call is live.")
    joined = Counter(leg.person for row in rows for leg in row.legs if leg.state is LegState.JOINED)
    if any(times > 1 for times in joined.values()):
        broken.append("One person has at most one joined leg.")
    pairs = Counter(frozenset(leg.person for leg in row.legs) for row in live)
    if any(times > 1 for times in pairs.values()):
        broken.append("Two people have one call between them.")
    return tuple(broken)


def broken_by(model: Model, before: World, label: str, after: World) -> Iterator[str]:
    """Of a step that changes something."""
    if after.calls is not before.calls:
        for was, now in zip(before.calls, after.calls, strict=True):
            if was and was != now:
                yield from _broken_by_change(model, before, label, was[-1], now[-1])
    if after.answers is not before.answers:
        yield from _broken_by_answer(before, after)
    if after.peers is not before.peers:
        yield from _broken_by_relay(model, before, after)
    if after.devices is not before.devices:
        for was_device, device in zip(before.devices, after.devices, strict=True):
            for was_known, known in zip(was_device.known, device.known, strict=True):
                if was_known and known and known.rev < was_known.rev:
                    yield "No screen goes back to an older state."
            if device.call is not None and was_device.marks[device.call] == "declined":
                yield "No page is in a call that was declined on it."


def _broken_by_relay(model: Model, before: World, after: World) -> Iterator[str]:
    for peer in after.peers - before.peers:
        row = model.server.newest(before, peer.call)
        if row is None or row.state is not CallState.ACTIVE:
            yield "The server passes no peer message on but in an active call."
        elif {peer.sender, peer.device} != {leg.device for leg in row.legs}:
            yield "The server passes peer messages on between the two bound devices alone."


def _broken_by_answer(before: World, after: World) -> Iterator[str]:
    told = {answer.command: answer for answer in before.answers if answer.ok}
    for answer in after.answers - before.answers:
        if answer != told.get(answer.command, answer):
            yield "What was acknowledged is acknowledged again when it is repeated, and nothing else."
        if not answer.ok and after.calls != before.calls:
            yield "What is refused changes nothing."


def _broken_by_change(model: Model, before: World, label: str, was: int, now: int) -> Iterator[str]:
    old, new = model.server.rows[was].call, model.server.rows[now].call
    if old.state is CallState.ENDED:
        yield "A call ends once, and stays as it ended."
    if new.rev != old.rev + 1:
        yield "Each change is made to the newest row, and makes the revision grow by one."
    if old.answered_at is None and new.answered_at is not None and before.late:
        yield "Nobody answers after the deadline."
    if label.startswith("time out") and not before.late:
        yield "No ring is timed out before the deadline."
    for leg in new.legs:
        if leg.state is LegState.LOST and before.devices[model.names.index(leg.device or "")].connected:
            yield "Nobody is lost whose device is there."
    if label.startswith("stray"):
        yield "Only the bound device hangs up, or begins anew."


def _was_active_on(model: Model, world: World, call: int | None, name: str) -> bool:
    person = model.scenario.owner[name]
    rows = (model.server.rows[number].call for number in (world.calls[call] if call is not None else ()))
    return any(
        row.state is CallState.ACTIVE and (leg := row.leg_of(person)) is not None and leg.device == name for row in rows
    )
