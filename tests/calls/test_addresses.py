"""Every address that there is, as a stranger, a guest and a member ask for it."""

from collections.abc import Iterator
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver

from calls import links
from calls.link_secret import secret_of
from tests.support.server import Server

pytestmark = pytest.mark.slow

SAMPLES = {
    "UUIDConverter": lambda: uuid4(),
    "IntConverter": lambda: 1,
    "StringConverter": lambda: "x",
    "SlugConverter": lambda: "x",
    "PathConverter": lambda: "x",
}

# The doors, and what lies before them.
OPEN = {
    "favicon.ico", "jsi18n/", "l/", "l/look", "l/enter", "l/message", "setup/x/", "join/x/",
    "accounts/login/", "accounts/signup/", "accounts/inactive/", "accounts/logout/", "accounts/confirm-email/",
    "accounts/password/reset/", "accounts/password/reset/done/", "accounts/password/reset/key/done/",
    "admin/login/", "admin/logout/", "admin/jsi18n/",
}  # fmt: skip


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """One address of each pattern, with made-up ids; those by regular expressions are allauth's and Django's own."""
    for each in (resolver or get_resolver()).url_patterns:
        route = getattr(each.pattern, "_route", None)
        if route is None:
            continue
        for name, converter in each.pattern.converters.items():
            kind = type(converter).__name__
            for prefix in ("uuid", "int", "str", "slug", "path"):
                route = route.replace(f"<{prefix}:{name}>", str(SAMPLES[kind]()))
            route = route.replace(f"<{name}>", str(SAMPLES[kind]()))
        if isinstance(each, URLPattern):
            yield before + route
        else:
            yield from addresses(each, before + route)


# Where a guest, too, may tell of a call of theirs.
GUESTS = {"calls/quality/"}

ALL = sorted({path for path in addresses() if path not in OPEN})


@pytest.fixture
def guest(server: Server, people: SimpleNamespace) -> Browser:
    browser = Browser()
    secret = secret_of(links.make(people.ana).number)
    assert browser.post("/l/enter", {"secret": secret, "name": "Gwen Guest"}).status_code == 200
    assert browser.session["guest"]
    return browser


def test_they_were_found() -> None:
    assert len(ALL) > 60
    for part in ("calls/export.csv", "admin/calls/call/now/", "settings/everything.json", "accounts/second-step/"):
        assert part in ALL


def refused(browser: Browser, path: str, method: str) -> bool:
    answer = getattr(browser, method)(f"/{path}")
    if answer.status_code in (301, 302):
        return "/login/" in answer.url or answer.url.endswith(f"/{path}/")
    return answer.status_code in (401, 403, 404, 405)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_shown_the_door(server: Server, people: SimpleNamespace, method: str) -> None:
    assert [path for path in ALL if not refused(Browser(), path, method)] == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_guest_is_shown_the_door(guest: Browser, method: str) -> None:
    assert [path for path in ALL if path not in GUESTS and not refused(guest, path, method)] == []


def test_a_member_gets_nowhere_in_the_admins_pages(server: Server, people: SimpleNamespace) -> None:
    browser = Browser()
    browser.force_login(people.ben)
    for path in ALL:
        if path.startswith("admin/"):
            for method in ("get", "post"):
                assert refused(browser, path, method), path
