"""Two people with a browser each, whose cameras show one colour and whose microphones hear one tone."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Playwright, sync_playwright

from accounts.models import User
from tests.browser.desk import Desk, GuestDesk
from tests.support.fakes import write_colour, write_tone
from tests.support.people import session_of
from tests.support.server import Server

# Playwright runs a loop in this thread, and Django would refuse its own synchronous calls beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--allow-loopback-in-peer-connection",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
ALLOWED = ["--use-fake-ui-for-media-stream"]
RED, BLUE = (220, 30, 30), (30, 30, 220)
ANAS_TONE, BENS_TONE = 500, 900

OpenDesk = Callable[..., Desk]


@pytest.fixture(scope="session")
def playwright_() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def launch(playwright_: Playwright) -> Iterator[Callable[[list[str]], Browser]]:
    browsers: dict[tuple[str, ...], Browser] = {}

    def make(flags: list[str]) -> Browser:
        autoplay = [] if any("autoplay" in flag for flag in flags) else [AUTOPLAY]
        key = (*FLAGS, *flags, *autoplay)
        if key not in browsers or not browsers[key].is_connected():
            browsers[key] = playwright_.chromium.launch(executable_path=CHROMIUM, args=list(key))
        return browsers[key]

    yield make
    for browser in browsers.values():
        browser.close()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Chromium's flags for Ana's and Ben's fake devices."""
    folder = tmp_path_factory.mktemp("media")

    def flags(name: str, colour: tuple[int, int, int], hertz: int) -> list[str]:
        video = write_colour(Path(folder / f"{name}.y4m"), *colour)
        audio = write_tone(Path(folder / f"{name}.wav"), hertz)
        return [
            *ALLOWED,
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={video}",
            f"--use-file-for-fake-audio-capture={audio}",
        ]

    return SimpleNamespace(ana=flags("ana", RED, ANAS_TONE), ben=flags("ben", BLUE, BENS_TONE))


@pytest.fixture
def open_desk(launch: Callable[[list[str]], Browser], transactional_db: None) -> Iterator[OpenDesk]:
    """`open_desk(server, user, flags)`: that person's signed-in page."""
    contexts = []

    def make(server: Server, user: User, flags: list[str], *, path: str = "/", **options: object) -> Desk:
        options.setdefault("viewport", {"width": 1000, "height": 700})
        context = launch(flags).new_context(base_url=server.origin, locale="en-GB", **options)  # type: ignore[arg-type]
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session_of(user), "url": server.origin, "httpOnly": True}]
        )
        contexts.append(context)
        return Desk(context, user).open(path)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def open_guest(
    launch: Callable[[list[str]], Browser], server: Server, media: SimpleNamespace, transactional_db: None
) -> Iterator[Callable[..., GuestDesk]]:
    """`open_guest(secret)`: somebody without an account opens a link on a telephone. Their camera is Ben's."""
    contexts = []

    def make(secret: str, name: str = "Gwen Guest", **options: object) -> GuestDesk:
        options.setdefault("viewport", {"width": 390, "height": 844})
        context = launch(media.ben).new_context(base_url=server.origin, locale="en-GB", **options)  # type: ignore[arg-type]
        contexts.append(context)
        desk = GuestDesk(context, name)
        desk.page.goto(f"/l/#{secret}")
        return desk

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def ana(open_desk: OpenDesk, server: Server, people: SimpleNamespace, media: SimpleNamespace) -> Desk:
    return open_desk(server, people.ana, media.ana)


@pytest.fixture
def ben(open_desk: OpenDesk, server: Server, people: SimpleNamespace, media: SimpleNamespace) -> Desk:
    return open_desk(server, people.ben, media.ben)
