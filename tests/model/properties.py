"""What must hold in every world, and over every step (DESIGN.md section 7), as sentences to show when it breaks."""

from collections import Counter
from collections.abc import Iterator

from calls.core.vocabulary import CallState, LegState

from .moves import Model
from .world import Device, World


def broken_in(model: Model, world: World) -> Iterator[str]:
    rows = [row for call in range(len(world.calls)) if (row := model.server.newest(world, call)) is not None]
    live = [row for row in rows if row.state is not CallState.ENDED]
    for row in rows:
        ended = row.state is CallState.ENDED
        if (row.ended_at is not None) != ended or (row.end_reason is not None) != ended:
            yield "A call has an end and a reason if and only if it has ended."
        if ended and any(leg.state.live for leg in row.legs):
            yield "No leg of an ended call is live."
    joined = Counter(leg.person for row in rows for leg in row.legs if leg.state is LegState.JOINED)
    if any(times > 1 for times in joined.values()):
        yield "One person has at most one joined leg."
    pairs = Counter(frozenset(leg.person for leg in row.legs) for row in live)
    if any(times > 1 for times in pairs.values()):
        yield "Two people have one call between them."
    for device in world.devices:
        if device.connection is not None and not _answered(model, world, device.call):
            yield "No browser opens a peer connection before the call was accepted."
    if any(not _answered(model, world, each.call) for each in world.peers):
        yield "The server passes no peer message on before the call was accepted."


def broken_by(model: Model, before: World, label: str, after: World) -> Iterator[str]:
    for was, now in zip(before.calls, after.calls, strict=True):
        if was and was != now:
            yield from _broken_by_change(model, before, label, was[-1], now[-1])
    told = {answer.command: answer for answer in before.answers if answer.ok}
    if any(answer != told.get(answer.command, answer) for answer in after.answers - before.answers):
        yield "What was acknowledged is acknowledged again when it is repeated, and nothing else."
    if " takes an offer" in label:
        yield from _broken_by_offer(label, before.devices[model.names.index(label.split()[0])])
    for was_device, device in zip(before.devices, after.devices, strict=True):
        for was_known, known in zip(was_device.known, device.known, strict=True):
            if was_known and known and known.rev < was_known.rev:
                yield "No screen goes back to an older state."


def _broken_by_change(model: Model, before: World, label: str, was: int, now: int) -> Iterator[str]:
    old, new = model.server.rows[was], model.server.rows[now]
    if old.state is CallState.ENDED:
        yield "A call ends once, and stays as it ended."
    if new.rev != old.rev + 1:
        yield "Each change is made to the newest row, and makes the revision grow by one."
    if old.answered_at is None and new.answered_at is not None and before.late:
        yield "Nobody answers after the deadline."
    if label.startswith("time out") and not before.late:
        yield "No ring is timed out before the deadline."
    if label.startswith("lose") and not _somebody_away(model, before, was):
        yield "Nobody is lost whose device is there."
    if "stray" in label and new.state is CallState.ENDED and not _bound(model, was, label):
        yield "Only the bound device hangs up."


def _broken_by_offer(label: str, device: Device) -> Iterator[str]:
    *_, epoch, _, to_epoch = label.split()
    connection = device.connection
    if connection is None or (connection.other_epoch, connection.epoch) != (int(epoch), int(to_epoch)):
        yield "A connection takes nothing that was meant for another."


def _answered(model: Model, world: World, call: int | None) -> bool:
    row = model.server.newest(world, call) if call is not None else None
    return row is not None and row.answered_at is not None


def _somebody_away(model: Model, world: World, row: int) -> bool:
    bound = {leg.device for leg in model.server.rows[row].legs if leg.state is LegState.JOINED}
    return any(name in bound and not device.connected for name, device in zip(model.names, world.devices, strict=True))


def _bound(model: Model, row: int, label: str) -> bool:
    legs = model.server.rows[row].legs
    return any(leg.device is not None and f"{leg.device}-stray" in label for leg in legs)
