import json
import logging

from config.logs import HideSecretPaths, JsonLines, TextFormatter


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("earshot.events").makeRecord(
        "earshot.events", logging.INFO, __file__, 1, message, args, None, extra=extra
    )
    assert isinstance(made, logging.LogRecord)
    return made


def test_what_an_event_says_is_shown_in_both_formats() -> None:
    event = record("command", call="c-1", duration_ms=3.5)
    assert TextFormatter().format(event).endswith("INFO    earshot.events: command call=c-1 duration_ms=3.5")
    line = json.loads(JsonLines().format(event))
    assert line.pop("time")
    assert line == {
        "level": "INFO", "logger": "earshot.events", "message": "command", "call": "c-1", "duration_ms": 3.5,
    }  # fmt: skip


def test_a_failure_keeps_its_traceback() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        event = record("broken")
        event.exc_info = (type(error), error, error.__traceback__)
    assert "ValueError: no" in json.loads(JsonLines().format(event))["exc_info"]


def test_an_address_that_opens_something_is_not_logged() -> None:
    event = record("%s: %s", "Not Found", "/join/AbC-123/now", request=object())
    HideSecretPaths().filter(event)
    assert event.getMessage() == "Not Found: /join/…/now"
