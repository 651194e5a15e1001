"""Do not disturb: for how long, in words that a person chooses from."""

from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils import timezone

# "Until tomorrow" ends when a working day begins.
MORNING_HOUR = 8


class Span(StrEnum):
    OFF = "off"
    HALF_HOUR = "half_hour"
    HOUR = "hour"
    TOMORROW = "tomorrow"


def until(span: Span, now: datetime, zone: str = "") -> datetime | None:
    """When it ends; None for OFF. `zone` is the browser's time zone, an IANA name; the server's if unknown."""
    match span:
        case Span.OFF:
            return None
        case Span.HALF_HOUR:
            return now + timedelta(minutes=30)
        case Span.HOUR:
            return now + timedelta(hours=1)
        case Span.TOMORROW:
            local = now.astimezone(zone_of(zone))
            morning = local.replace(hour=MORNING_HOUR, minute=0, second=0, microsecond=0)
            return morning + timedelta(days=1)


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name; the server's if there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; malformed; a folder
        return timezone.get_default_timezone()
