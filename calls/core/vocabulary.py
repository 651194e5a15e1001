"""Every word of a call, once. The same string stands in the database, on the wire, in JS and in CSS.

`tests/core/test_vocabulary.py` proves that `static/js/protocol.js` says the same.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What the caller asked for. A voice call may still turn a camera on later, each side its own."""

    VOICE = "voice"
    VIDEO = "video"


class Role(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"


class LegState(StrEnum):
    """One person's part in a call."""

    RINGING = "ringing"
    JOINED = "joined"
    LEFT = "left"
    DECLINED = "declined"
    MISSED = "missed"
    BUSY = "busy"
    LOST = "lost"

    @property
    def live(self) -> bool:
        return self in (LegState.RINGING, LegState.JOINED)


class CallState(StrEnum):
    """A function of the legs (`machine.state_of`), stored for querying, never set by hand."""

    RINGING = "ringing"
    ACTIVE = "active"
    ENDED = "ended"


class EndReason(StrEnum):
    COMPLETED = "completed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    MISSED = "missed"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    LOST = "lost"
    REVOKED = "revoked"


class EventName(StrEnum):
    """What can happen to a leg. `machine.TABLE` says when, to what end, and who may."""

    PLACE = "place"
    ALERT = "alert"
    ACCEPT = "accept"
    DECLINE = "decline"
    TIME_OUT = "time_out"
    UNREACHABLE = "unreachable"
    OCCUPIED = "occupied"
    HANG_UP = "hang_up"
    SWITCH = "switch"
    MOVE = "move"
    REJOIN = "rejoin"
    LOSE = "lose"
    FORCE_END = "force_end"
    SETTLE = "settle"


BINDING = (EventName.PLACE, EventName.ACCEPT, EventName.MOVE, EventName.REJOIN)
"""The events that may bind a leg to a device."""


class By(StrEnum):
    """Who made an event happen."""

    PERSON = "person"
    STEWARD = "steward"
    SYSTEM = "system"
    ADMIN = "admin"


class FailureStage(StrEnum):
    """How far the media got before the page gave up. Reported with `hang_up`, kept on the leg.

    `turn`: ICE found no way, and the relay had refused to let this side in.
    """

    PERMISSION = "permission"
    DEVICE = "device"
    SIGNALING = "signaling"
    TURN = "turn"
    ICE = "ice"
    DTLS = "dtls"
    MEDIA = "media"


class CandidateType(StrEnum):
    """An RTCIceCandidateType (W3C WebRTC 4.8.1.3)."""

    HOST = "host"
    SRFLX = "srflx"
    PRFLX = "prflx"
    RELAY = "relay"


class Route(StrEnum):
    """How the media went: straight between the two, or through the relay."""

    DIRECT = "direct"
    RELAY = "relay"


class Quality(StrEnum):
    """What people would say of a connection; `core.quality.word` says when."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


class Presence(StrEnum):
    ONLINE = "online"
    IN_CALL = "in_call"
    DO_NOT_DISTURB = "do_not_disturb"
    AWAY = "away"
    OFFLINE = "offline"


class LinkState(StrEnum):
    """What a link is at a moment; only an open one lets a guest call. `unknown` is also what a mistyped one is."""

    OPEN = "open"
    UNKNOWN = "unknown"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    USED_UP = "used_up"
    OUT_OF_HOURS = "out_of_hours"
    PAUSED = "paused"
    REVOKED = "revoked"


class CloseCode:
    """Why the server closes a socket (RFC 6455 section 7.4.2: 4000 to 4999 are the application's).

    40xx: come back, with jitter. 45xx: do not, until the person does something.
    """

    RESTARTING = 4000
    SILENT = 4001
    TOO_SLOW = 4002
    TRY_AGAIN = 4003
    MOVE_ON = 4004
    SIGNED_OUT = 4500
    PROTOCOL_TOO_OLD = 4501
    REPLACED = 4502
    BAD_MESSAGES = 4503
    FLOOD = 4504
    FOREIGN_ORIGIN = 4505
