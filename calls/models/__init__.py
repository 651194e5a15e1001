"""What the database holds: calls with their legs and journal, and the links that guests come by."""

from .call import Call, JournalEntry, Leg
from .link import Guest, GuestMessage, Link

__all__ = ["Call", "Guest", "GuestMessage", "JournalEntry", "Leg", "Link"]
