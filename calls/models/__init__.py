"""What the database holds: calls with legs, journal and what was measured of them; links with their guests."""

from .call import Call, JournalEntry, Leg
from .chore import Chore, MissedMail
from .link import Guest, GuestMessage, Link
from .quality import LegQuality, QualityReport

__all__ = [
    "Call",
    "Chore",
    "Guest",
    "GuestMessage",
    "JournalEntry",
    "Leg",
    "LegQuality",
    "Link",
    "MissedMail",
    "QualityReport",
]
