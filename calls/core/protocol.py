"""Every message that may cross the socket, as one closed union each way. See docs/protocol.md.

Frames are UTF-8 JSON text. `decode` is strict: an unknown type, an unknown key, a wrong type or a string
that is too long is refused, and what passes is re-serialised from these types, never forwarded as it came.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from .errors import BadMessage, TooLarge, UnknownType
from .quality import REPORTS_MAX, SAMPLES_MAX, Sample
from .vocabulary import CandidateType, FailureStage, Kind, Presence

PROTOCOL_VERSION = 1
OLDEST_PROTOCOL_VERSION = 1

# Sizes in bytes of UTF-8. Chromium's largest offers with every codec are 8 kB.
FRAME_BYTES = 64 * 1024
SDP_BYTES = 32 * 1024
CANDIDATE_BYTES = 1024

# A page watches the people on its screen; a team of more than this searches.
WATCH_MAX = 500
HELD_CALLS_MAX = 16

CommandId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
DeviceId = Annotated[str, msgspec.Meta(min_length=16, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Epoch = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Sdp = Annotated[str, msgspec.Meta(max_length=SDP_BYTES)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """A message; its `type` on the wire is its tag."""


class Command(Message, frozen=True, forbid_unknown_fields=True):
    """A message that gets exactly one answer, `ok` or `error`, with `re` set to its `id`."""

    id: CommandId


# --- from the client -------------------------------------------------------------------------------------


class Hello(Message, frozen=True, forbid_unknown_fields=True, tag="hello"):
    """The first frame. `calls` are those the page still shows, so that it learns how they ended."""

    protocol: int
    device: DeviceId
    calls: Annotated[list[UUID], msgspec.Meta(max_length=HELD_CALLS_MAX)] = []


class Ping(Message, frozen=True, forbid_unknown_fields=True, tag="ping"):
    """The page lives, not only its socket. Answered by `pong`.

    `idle`: nobody has touched this device for a while. `hidden`: the page is, and its timers are throttled.
    """

    idle: bool = False
    hidden: bool = False


class Place(Command, frozen=True, forbid_unknown_fields=True, tag="call.place"):
    call: UUID
    to: UUID
    kind: Kind


class Alert(Command, frozen=True, forbid_unknown_fields=True, tag="call.alert"):
    call: UUID


class Accept(Command, frozen=True, forbid_unknown_fields=True, tag="call.accept"):
    """`leave`: the call that its person is in and leaves for this one. Both happen, or neither."""

    call: UUID
    leave: UUID | None = None


class Decline(Command, frozen=True, forbid_unknown_fields=True, tag="call.decline"):
    call: UUID


class IceTrace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What ICE had to work with: no addresses, only the types of candidates that each side had, and what the STUN and
    TURN servers answered when they refused (W3C WebRTC 4.8.3: 701 is "no answer", 300 to 699 are STUN's own)."""

    local: Annotated[list[CandidateType], msgspec.Meta(max_length=4)] = []
    remote: Annotated[list[CandidateType], msgspec.Meta(max_length=4)] = []
    errors: Annotated[list[Annotated[int, msgspec.Meta(ge=300, le=799)]], msgspec.Meta(max_length=8)] = []


class HangUp(Command, frozen=True, forbid_unknown_fields=True, tag="call.hang_up"):
    """`failure`: the media never connected, or was lost for good, at this stage; `trace` helps to say why."""

    call: UUID
    failure: FailureStage | None = None
    trace: IceTrace | None = None


class Move(Command, frozen=True, forbid_unknown_fields=True, tag="call.move"):
    call: UUID


class Rejoin(Command, frozen=True, forbid_unknown_fields=True, tag="call.rejoin"):
    call: UUID


class QualityReport(Command, frozen=True, forbid_unknown_fields=True, tag="call.quality"):
    """What this leg's bound device measured since its last report; `number` counts them within the epoch, from 1.

    `setup_ms`, once a leg: from the answer until media was connected.
    """

    call: UUID
    epoch: Epoch
    number: Annotated[int, msgspec.Meta(ge=1, le=REPORTS_MAX)]
    samples: Annotated[list[Sample], msgspec.Meta(min_length=1, max_length=SAMPLES_MAX)]
    setup_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None


class Watch(Command, frozen=True, forbid_unknown_fields=True, tag="presence.watch"):
    """Replaces what this device watched before."""

    people: Annotated[list[UUID], msgspec.Meta(max_length=WATCH_MAX)]


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """An SDP (RFC 8829); `kind` is its RTCSdpType."""

    sdp: Sdp


class Offer(Description, frozen=True, forbid_unknown_fields=True, tag="offer"):
    pass


class Answer(Description, frozen=True, forbid_unknown_fields=True, tag="answer"):
    pass


class Candidate(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="candidate", rename="camel"
):
    """An RTCIceCandidateInit (W3C WebRTC 4.8.1.1). An empty `candidate` ends a generation."""

    candidate: Annotated[str, msgspec.Meta(max_length=CANDIDATE_BYTES)]
    sdp_mid: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    sdp_m_line_index: Annotated[int, msgspec.Meta(ge=0, le=255)] | None = msgspec.field(
        default=None, name="sdpMLineIndex"
    )
    username_fragment: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class Media(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="media"):
    """What this side sends now, so that the other can show "muted" or initials."""

    microphone: bool
    camera: bool


PeerBody = Offer | Answer | Candidate | Media


class Peer(Message, frozen=True, forbid_unknown_fields=True, tag="peer"):
    """One message of the peer stream, "Peer messages" in docs/protocol.md. Without `body` it only acknowledges.

    `to` is the receiving leg; `epoch` and `to_epoch` are the sender's and the receiver's epochs; `seq` counts
    from 1 within (call, both legs, both epochs) and is 0 without a body; `ack` is the highest `seq` that the
    sender has taken in order from the other side of the same stream.
    """

    call: UUID
    to: UUID
    epoch: Epoch
    to_epoch: Epoch
    seq: Sequence
    ack: Sequence
    body: PeerBody | None = None


ClientMessage = Hello | Ping | Place | Alert | Accept | Decline | HangUp | Move | Rejoin | QualityReport | Watch | Peer
CallCommand = Place | Alert | Accept | Decline | HangUp | Move | Rejoin


# --- from the server -------------------------------------------------------------------------------------


class GuestView(msgspec.Struct, frozen=True):
    """What a guest came for: the title of the link, and the line that they wrote."""

    title: str
    line: str


class PersonView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person as others see them. `hue` is a bucket from 0 to 23 of the colour wheel. A guest has no handle."""

    id: str
    name: str
    handle: str
    hue: int
    guest: GuestView | None = None


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True):
    """An RTCIceServer (W3C WebRTC 4.2.4)."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class LegView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A leg as the receiver may see it. `device` is given for the receiver's own leg only."""

    id: str
    role: str
    state: str
    person: PersonView
    epoch: int
    alerted: bool
    device: str | None = None
    failure: str | None = None


class CallView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A snapshot. Times are milliseconds left or passed when it was made, never a clock to compare."""

    id: str
    rev: int
    kind: str
    state: str
    me: str
    legs: list[LegView]
    end_reason: str | None = None
    by_admin: bool = False
    ring_left_ms: int | None = None
    active_ms: int | None = None
    relay_only: bool = False
    ice_servers: list[IceServer] | None = None


class PresenceView(msgspec.Struct, frozen=True, omit_defaults=True):
    """`seconds`: in a call for, do not disturb for another, off line since; None where it says nothing."""

    id: str
    status: Presence
    seconds: int | None = None


class Welcome(Message, frozen=True, tag="welcome"):
    protocol: int
    person: PersonView
    calls: list[CallView]
    ice_servers: list[IceServer]


class Ok(Message, frozen=True, tag="ok", omit_defaults=True):
    """`call`: the call that the command ended up changing; for glare another than was placed."""

    re: str
    call: str | None = None


class Error(Message, frozen=True, tag="error", omit_defaults=True):
    code: str
    message: str
    re: str | None = None
    call: str | None = None


class Call(Message, frozen=True, tag="call"):
    call: CallView


class PeerForward(Message, frozen=True, tag="peer", omit_defaults=True):
    """A peer message as the receiver gets it: `from` instead of `to`."""

    call: str
    from_: str = msgspec.field(name="from")
    epoch: int
    to_epoch: int
    seq: int
    ack: int
    body: PeerBody | None = None


class PresenceUpdate(Message, frozen=True, tag="presence"):
    people: list[PresenceView]


class Pong(Message, frozen=True, tag="pong"):
    pass


_decoder = msgspec.json.Decoder(ClientMessage)
_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""A server message as UTF-8 JSON bytes."""


def decode(frame: str) -> Any:
    """The client message in a text frame: one of `ClientMessage`.

    Raises `TooLarge`, `UnknownType` or `BadMessage`; the sentence names the field that is wrong.
    """
    # A str of n characters has at least n bytes, so this refuses nothing that fits and is cheap.
    if len(frame) > FRAME_BYTES or len(raw := frame.encode("utf-8", "surrogatepass")) > FRAME_BYTES:
        raise TooLarge(f"A frame has at most {FRAME_BYTES} bytes.")
    try:
        message = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        text = str(error)
        if text.startswith("Invalid value") and text.endswith("`$.type`"):
            raise UnknownType(f"Unknown message type. {text}.") from None
        raise BadMessage(f"{text}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadMessage("A frame is one JSON object.") from None
    if isinstance(message, Peer):
        _check_peer(message)
    return message


def _check_peer(message: Peer) -> None:
    """Limits that count bytes or span fields, which the schema cannot say."""
    if (message.seq == 0) != (message.body is None):
        raise BadMessage("A peer message has a body and a seq from 1, or neither.")
    match message.body:
        case Offer(sdp=sdp) | Answer(sdp=sdp) if len(sdp.encode()) > SDP_BYTES:
            raise TooLarge(f"An SDP has at most {SDP_BYTES} bytes.")
        case Candidate(candidate=candidate) if len(candidate.encode()) > CANDIDATE_BYTES:
            raise TooLarge(f"A candidate has at most {CANDIDATE_BYTES} bytes.")


CLIENT_TYPES: tuple[str, ...] = tuple(
    str(t.__struct_config__.tag)
    for t in (Hello, Ping, Place, Alert, Accept, Decline, HangUp, Move, Rejoin, QualityReport, Watch, Peer)
)
SERVER_TYPES: tuple[Literal["welcome", "ok", "error", "call", "peer", "presence", "pong"], ...] = (
    "welcome", "ok", "error", "call", "peer", "presence", "pong",
)  # fmt: skip
