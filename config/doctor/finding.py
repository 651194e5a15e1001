from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and for all but `ok` what to do about it. A `note` may well be as it should."""

    status: Status
    says: str
    advice: str = ""

    @classmethod
    def ok(cls, says: str) -> "Finding":
        return cls(Status.OK, says)

    @classmethod
    def note(cls, says: str, advice: str) -> "Finding":
        return cls(Status.NOTE, says, advice)

    @classmethod
    def problem(cls, says: str, advice: str) -> "Finding":
        return cls(Status.PROBLEM, says, advice)
