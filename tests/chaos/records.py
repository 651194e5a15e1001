"""What the devices saw and were told, in seconds of the wall clock, to be compared with the database afterwards."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """The one answer to a command; `code` is the error's, None for `ok`. `call` is the call that `ok` named."""

    person: str
    command: str
    type: str
    call: str | None
    code: str | None


@dataclass(frozen=True)
class Ring:
    """A device showed that this call rings, until it learned, or decided, otherwise."""

    device: str
    person: str
    call: str
    shown: float
    gone: float


@dataclass
class Break:
    """A device in this call lost its socket, or its page. `alive`: it was in the call still when it was back."""

    device: str
    call: str
    lost: float
    back: float | None = None
    alive: bool = False


@dataclass
class Life:
    """One device: its address, and when it was connected, from each welcome to the end of that socket."""

    address: str
    connected: list[tuple[float, float]] = field(default_factory=list)
    closed: float | None = None


@dataclass
class Records:
    answers: list[Answer] = field(default_factory=list)
    rings: list[Ring] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    lives: dict[str, Life] = field(default_factory=dict)
    endings: set[tuple[str, str]] = field(default_factory=set)
    """(call, end reason) as any device was told."""
    turned_away: list[int] = field(default_factory=list)
    """Close codes that told a device not to come back."""
    returns: list[float] = field(default_factory=list)
    """How long each device was without a socket."""
