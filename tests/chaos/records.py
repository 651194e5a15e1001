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
class Wait:
    """A command had been sent on a socket, and that had no answer, not even `try_again`, until the moment `until`."""

    device: str
    command: str
    sent: float
    until: float


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


@dataclass(frozen=True)
class StreamKey:
    """What one leg says to another, at these epochs: `sender` and `receiver` are the legs' ids."""

    call: str
    sender: str
    receiver: str
    epoch: int
    to_epoch: int

    @property
    def back(self) -> "StreamKey":
        """What the other says to this one."""
        return StreamKey(self.call, self.receiver, self.sender, self.to_epoch, self.epoch)

    def text(self, seq: int) -> str:
        return f"{self.call} {self.sender} {self.epoch} to {self.receiver} {self.to_epoch}: {seq}"


@dataclass
class Stream:
    """When a device had this stream, and when it said, and took in order from the other side, each message."""

    key: StreamKey
    device: str
    opened: float
    closed: float | None = None
    posted: list[float] = field(default_factory=list)
    got: list[float] = field(default_factory=list)


@dataclass
class Life:
    """One device: whose, its address, and when it was connected, from each welcome to the end of that socket."""

    person: str
    address: str
    connected: list[tuple[float, float]] = field(default_factory=list)
    closed: float | None = None


@dataclass
class Records:
    answers: list[Answer] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    rings: list[Ring] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    lives: dict[str, Life] = field(default_factory=dict)
    endings: set[tuple[str, str]] = field(default_factory=set)
    """(call, end reason) as any device was told."""
    streams: list[Stream] = field(default_factory=list)
    astray: list[str] = field(default_factory=list)
    """Peer messages that reached a device that they are not for, or after the call's end, or changed."""
    unanswered: list[str] = field(default_factory=list)
    """Commands that had no answer when everything had long been whole again."""
    missing: list[str] = field(default_factory=list)
    """Devices without a socket then."""
    turned_away: list[int] = field(default_factory=list)
    """Close codes that told a device not to come back."""
    returns: list[float] = field(default_factory=list)
    """How long each device was without a socket."""
