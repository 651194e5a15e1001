"""What the world is at one moment: small, immutable, and equal to another that cannot be told from it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from calls.core import machine
from calls.core.vocabulary import CallState, LegState

TERMS = machine.Terms(ring=timedelta(seconds=60), caller_lease=timedelta(seconds=8), leg_lease=timedelta(seconds=30))
PLACED = datetime(2026, 11, 23, tzinfo=UTC)
DEADLINE = PLACED + TERMS.ring
LEASE_OVER = DEADLINE + timedelta(days=1)


@dataclass(frozen=True)
class Guards:
    """What keeps the promises. A mutant is a world without one of them."""

    row_lock: bool = True
    ringing_pair: bool = True
    one_joined_leg: bool = True
    receipts: bool = True
    resync: bool = True
    steward: bool = True
    relay_consent: bool = True
    page_consent: bool = True
    epochs: bool = True
    highest_rev: bool = True


@dataclass(frozen=True)
class Scenario:
    """Who is there and whom they call. `people` maps a person to their devices; `places` a device to the person whom it
    calls, as call 0, 1, …

    `away`: sockets may drop. `pageless`: devices that do nothing by themselves; with `strays` they send what no page of
    ours would. `begun`: what these devices place rings from the start.
    """

    people: dict[str, tuple[str, ...]]
    places: dict[str, str]
    away: bool = False
    reloads: int = 0
    pageless: tuple[str, ...] = ()
    strays: bool = False
    begun: tuple[str, ...] = ()
    owner: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        owner = {device: person for person, devices in self.people.items() for device in devices}
        object.__setattr__(self, "owner", owner)


class Snapshot(NamedTuple):
    """What a device knows of a call (docs/protocol.md, "Snapshots")."""

    rev: int
    state: CallState
    mine: LegState
    device: str | None
    epoch: int
    other_epoch: int


class Command(NamedTuple):
    """On its way to the server. `id` is the command's own, so that a repeat is known."""

    id: str
    device: str
    name: str
    call: int


class Answer(NamedTuple):
    command: str
    ok: bool
    call: int


class Peer(NamedTuple):
    """From a leg of `epoch` to `device`, whose leg the sender believes to be of `to_epoch`."""

    device: str
    call: int
    epoch: int
    to_epoch: int


class Transaction(NamedTuple):
    """A command that has read and has not written yet. `row` is what it read."""

    command: Command
    row: int | None


class Connection(NamedTuple):
    """An RTCPeerConnection, for these two epochs. `offered`: it has sent its message."""

    epoch: int
    other_epoch: int
    offered: bool = False


class Device(NamedTuple):
    connected: bool = True
    page: str = "idle"  # idle, declined, joining, joined, over
    call: int | None = None  # of the session on the page
    pending: Command | None = None
    connection: Connection | None = None
    known: tuple[Snapshot | None, ...] = (None, None)


class World(NamedTuple):
    """`calls`: of each call every row that it has been, by their numbers in `Rows`, the newest last.

    `commands`, `peers` and `answers`: all that was ever sent.
    """

    late: bool
    calls: tuple[tuple[int, ...], ...]
    receipts: frozenset[tuple[str, int]]
    devices: tuple[Device, ...]
    commands: frozenset[Command]
    peers: frozenset[Peer]
    answers: frozenset[Answer]
    running: frozenset[Transaction]
    reloads: int


class Rows:
    """Every row that any call has been, numbered, so that worlds are quick to compare."""

    def __init__(self) -> None:
        self._rows: list[machine.Call] = []
        self._numbers: dict[machine.Call, int] = {}

    def __getitem__(self, number: int) -> machine.Call:
        return self._rows[number]

    def number(self, call: machine.Call) -> int:
        if call not in self._numbers:
            self._numbers[call] = len(self._rows)
            self._rows.append(call)
        return self._numbers[call]


def first(scenario: Scenario) -> World:
    nothing: frozenset[Any] = frozenset()
    return World(
        late=False,
        calls=((),) * len(scenario.places),
        receipts=nothing,
        devices=tuple(Device(known=(None,) * len(scenario.places)) for _ in scenario.owner),
        commands=nothing,
        peers=nothing,
        answers=nothing,
        running=nothing,
        reloads=scenario.reloads,
    )
