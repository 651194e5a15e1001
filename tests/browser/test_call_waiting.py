"""Somebody is called while they are in a call: they see who it is, and may switch, decline or ignore it."""

from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.support.server import Server
from tests.support.wait import until


@pytest.fixture
def chen(
    ana: Desk, ben: Desk, open_desk: OpenDesk, server: Server, people: SimpleNamespace, media: SimpleNamespace
) -> Desk:
    """Ana and Ben talk, and Chen calls Ben."""
    ana.call(ben, "Voice")
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ben.until_connected()
    desk = open_desk(server, people.chen, media.ana)
    desk.button("Video call Ben").click()
    expect(ben.ring(desk)).to_be_visible()
    desk.says("Ringing")
    return desk


def test_it_beeps_and_does_not_ring(ben: Desk, chen: Desk) -> None:
    tones = ben.page.evaluate("window.counted.tones")
    assert tones == [587.33, 880, 425]  # Ana's ring, then the beep for Chen's


def test_the_one_is_left_for_the_other(ana: Desk, ben: Desk, chen: Desk) -> None:
    ben.ring(chen).get_by_role("button", name="End and answer").click()
    chen.until_connected()
    ben.until_connected()
    expect(ben.stage.get_by_text("Chen").first).to_be_visible()
    ana.says("Call ended")
    until(lambda: ben.frames() > 5 and chen.frames() > 5, "frames both ways")
    assert ben.open_connections() == 1
    assert ana.open_connections() == 0


def test_declined_the_first_goes_on(ben: Desk, chen: Desk) -> None:
    ben.ring(chen).get_by_role("button", name="Decline").click()
    chen.says("Ben declined the call")
    ben.until_connected()


def test_ignored_it_rings_on_and_is_missed(ben: Desk, chen: Desk) -> None:
    ben.ring(chen).get_by_role("button", name="Ignore").click()
    expect(ben.ring(chen)).to_be_hidden()
    chen.says("Ringing")
    chen.button("Hang up").click()
    expect(ben.page.get_by_text("You missed a call from Chen")).to_be_visible()
    ben.until_connected()


def test_no_key_ends_the_call_that_goes_on(ben: Desk, chen: Desk) -> None:
    for key in ("Enter", "Escape"):
        ben.page.keyboard.press(key)
    expect(ben.ring(chen)).to_be_visible()
    chen.says("Ringing")
    ben.until_connected()
    expect(ben.stage.get_by_text("Ana").first).to_be_visible()
