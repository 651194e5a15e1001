"""How a line of the log looks: text for people or, with EARSHOT_LOG_FORMAT=json, one JSON object for machines.

What an event says beside its name (`calls/events.py`) is in `extra`; both formats show it.
"""

import logging
import re

from pythonjsonlogger.json import JsonFormatter

# Whatever may be on a record before anybody adds an `extra`.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request", "status_code"}

# Addresses whose last part opens something: an invitation, the first admin's account, a new password, a mail address.
_SECRET_PATH = re.compile(r"/(join|setup|accounts/password/reset/key|accounts/confirm-email)/[^/\s]+")


def extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _USUAL}


class TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:7} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return " ".join([line, *(f"{name}={value}" for name, value in extras(record).items())])


class JsonLines(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            reserved_attrs=sorted(_USUAL),
        )


class HideSecretPaths(logging.Filter):
    """For the handler, not a logger: besides Django's views its guard against forged requests names the address of what
    it refuses, and daphne that of a request which takes too long."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _SECRET_PATH.sub(r"/\1/…", record.getMessage())
        record.args = ()
        return True
