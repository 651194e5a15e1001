import json
import logging
from urllib.error import HTTPError

import pytest
from django.urls import reverse

from config.logs import HideSecretPaths, JsonLines, TextFormatter
from tests.support.pages import ask
from tests.support.server import Server
from tests.support.wait import until


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


# Of every page whose address opens something, one.
OPENING = [
    reverse("join", args=["SECRET"]),
    reverse("setup", args=["SECRET"]),
    reverse("account_confirm_email", args=["SECRET"]),
    reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "SECRET"}),
]


@pytest.mark.parametrize("address", OPENING)
def test_an_address_that_opens_something_is_hidden_whoever_names_it(address: str) -> None:
    event = record("%s: %s", "Not Found", f"{address}now", request=object())
    HideSecretPaths().filter(event)
    assert event.getMessage() == f"Not Found: {address.rsplit('/', 2)[0]}/…/now"


@pytest.mark.parametrize("address", OPENING)
def test_a_refused_request_does_not_log_the_address_that_opens_something(server: Server, address: str) -> None:
    before = len(server.log())
    with pytest.raises(HTTPError, match="403"):  # a form that another site sent
        ask(server, address, {"Origin": "https://elsewhere.example"}, {"password": "x"})
    until(lambda: "Forbidden" in server.log()[before:], "a line about it")
    assert "/…/" in server.log()[before:]
    assert "SECRET" not in server.log()
