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
    whole_switch: bool = True
    resync: bool = True
    steward: bool = True
    relay_answered: bool = True
    relay_live: bool = True
    relay_bound: bool = True
    page_consent: bool = True
    page_epochs: bool = True
    highest_rev: bool = True
    rejoins: bool = True
    awaits_epoch: bool = True
    lets_go: bool = True
    heeds_decline: bool = True
    leaves_what_it_became: bool = True


@dataclass(frozen=True)
class Scenario:
    """Who is there and whom they call. `people` maps a person to their devices; `places` a device to the person whom it
    calls, as call 0, 1, …

    `away`: sockets may drop. `hasty`: devices that may hang up before they are answered. `switches`: who is in a call
    may leave it for another. `pageless`: devices that do nothing by themselves. `strays`: they send commands, and all
    devices peer messages, as no page of ours would. `begun`: what these devices place rings from the start.
    """

    people: dict[str, tuple[str, ...]]
    places: dict[str, str]
    away: bool = False
    hasty: tuple[str, ...] = ()
    switches: bool = False
    reloads: int = 0
    pageless: tuple[str, ...] = ()
    strays: bool = False
    begun: tuple[str, ...] = ()
    owner: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        owner = {device: person for person, devices in self.people.items() for device in devices}
        object.__setattr__(self, "owner", owner)


class Snapshot(NamedTuple):
    """What a device knows of a call (docs/protocol.md, "Snapshots"); with the serial numbers of `Row`."""

    rev: int
    state: CallState
    mine: LegState
    device: str | None
    epoch: int
    other_epoch: int
    serial: int
    other_serial: int


class Command(NamedTuple):
    """On its way to the server. `id` is the command's own, so that a repeat is known."""

    id: str
    device: str
    name: str
    call: int
    leave: int | None = None


class Answer(NamedTuple):
    command: str
    ok: bool
    call: int


class Peer(NamedTuple):
    """From a leg of `epoch`, on `sender`, to `device`, whose leg the sender believes to be of `to_epoch`.

    The serial numbers are those of the connection that sent it; None if no page of ours did. No guard reads them.
    """

    sender: str
    device: str
    call: int
    epoch: int
    to_epoch: int
    serial: int | None
    to_serial: int | None


class Transaction(NamedTuple):
    """A command that has read and has not written yet. `row` is what it read."""

    command: Command
    row: int | None


class Connection(NamedTuple):
    """An RTCPeerConnection, for these two epochs. `offered`: it has sent its message.

    `serial` says which of the connections that this leg ever has it is, `to_serial` for which of the other leg's it was
    made. The server of the model counts them apart from the epochs, and no guard reads them: whether epochs tell one
    connection from another is what they are there to judge. 0: the page made it for a beginning that was not its own.
    """

    epoch: int
    other_epoch: int
    serial: int
    to_serial: int
    offered: bool = False


class Device(NamedTuple):
    """`call`: of the session on the page. `marks`: of each call, whether it was "declined" on this page, the page has
    "opened" it, or is just switching to it ("handled"). `before`: the epoch that a page found when it was reloaded, and
    must not use. `began`: of each call, how often its leg had begun when the page was loaded; for serial numbers."""

    marks: tuple[str, ...]
    known: tuple[Snapshot | None, ...]
    began: tuple[int, ...]
    connected: bool = True
    page: str = "idle"  # idle, joining, joined
    call: int | None = None
    pending: Command | None = None
    connection: Connection | None = None
    before: int = 0


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


class Row(NamedTuple):
    """A call, and of each leg how often it has begun: by placing, accepting, rejoining."""

    call: machine.Call
    serials: tuple[int, ...]


class Rows:
    """Every row that any call has been, numbered, so that worlds are quick to compare."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._numbers: dict[Row, int] = {}

    def __getitem__(self, number: int) -> Row:
        return self._rows[number]

    def number(self, row: Row) -> int:
        if row not in self._numbers:
            self._numbers[row] = len(self._rows)
            self._rows.append(row)
        return self._numbers[row]


def loaded(began: tuple[int, ...]) -> Device:
    """A page that knows nothing."""
    return Device(marks=("",) * len(began), known=(None,) * len(began), began=began)


def first(scenario: Scenario) -> World:
    nothing: frozenset[Any] = frozenset()
    return World(
        late=False,
        calls=((),) * len(scenario.places),
        receipts=nothing,
        devices=(loaded((0,) * len(scenario.places)),) * len(scenario.owner),
        commands=nothing,
        peers=nothing,
        answers=nothing,
        running=nothing,
        reloads=scenario.reloads,
    )
