"""What can go wrong, typed by whose fault it is; each a stable code and a sentence.

Codes are part of the protocol (docs/protocol.md, "Errors"); sentences are for people and may change.
"""

from typing import ClassVar


class CallError(Exception):
    """A refused command. Nothing has changed when it is raised."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadMessage(CallError):
    """The frame is no message of this protocol. Several in a row close the socket."""

    code = "bad_message"


class UnknownType(BadMessage):
    code = "unknown_type"


class TooLarge(BadMessage):
    code = "too_large"


class NoSuchCall(CallError):
    """No such call, or none of yours: a stranger cannot tell the two apart (invariant 7)."""

    code = "no_such_call"

    def __init__(self) -> None:
        super().__init__("There is no such call.")


class WrongState(CallError):
    """The event does not fit the leg's state. Names both."""

    code = "wrong_state"

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"Cannot {event} a leg that is {state}.")
        self.state = state
        self.event = event


class NotAllowed(CallError):
    """The event fits, but not from this person or device."""

    code = "not_allowed"


class TooLate(CallError):
    """The ring is over; nobody had to notice for that to be so."""

    code = "too_late"

    def __init__(self) -> None:
        super().__init__("It has stopped ringing.")


class AlreadyInCall(CallError):
    """One person has at most one joined leg (invariant 4)."""

    code = "already_in_call"

    def __init__(self) -> None:
        super().__init__("You are in a call already. Hang up first.")


class LinkClosed(CallError):
    """A guest's link lets nobody call now; the page asks it why."""

    code = "link_closed"

    def __init__(self) -> None:
        super().__init__("This link lets nobody call now.")


class NotActive(CallError):
    """Peer messages pass only between the two bound devices of an active call."""

    code = "not_active"

    def __init__(self) -> None:
        super().__init__("The call is not active between these two devices.")


class TooMany(CallError):
    """The socket's token bucket is empty."""

    code = "too_many"

    def __init__(self) -> None:
        super().__init__("Too many messages; slow down.")


class TryAgain(CallError):
    """The server could not do it just now (the database was away). The command may be repeated."""

    code = "try_again"

    def __init__(self) -> None:
        super().__init__("The server could not do this just now. Try again.")
