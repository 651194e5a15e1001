"""What breaks on a person's own machine: two tabs at once, a lid that is closed, a device that is taken away."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from calls.models import JournalEntry, Leg
from tests.browser.desk import Desk, noted, open_devices
from tests.support.server import Server
from tests.support.wait import until

# By the clock of the pages: how soon who comes too late lets go of camera and microphone.
FREED_MS = 1000

ACCEPT = "document.querySelector('.ring [data-act=accept]').click()"


def test_of_two_tabs_that_accept_at_once_one_is_in_the_call_and_the_other_lets_go_of_its_devices(
    ana: Desk, ben: Desk, server: Server
) -> None:
    tab = ben.page.context.new_page()
    tab.goto("/calls/")
    ana.call(ben)
    for page in (ben.page, tab):
        expect(page.get_by_role("alertdialog")).to_be_visible()
    with server.paused():
        for page in (ben.page, tab):
            page.evaluate(ACCEPT)
        for page in (ben.page, tab):
            until(lambda page=page: open_devices(page) == 2, "camera and microphone")
    ana.until_connected()

    def phases() -> set[str | None]:
        return {page.locator("#stage").get_attribute("data-phase") for page in (ben.page, tab)}

    until(lambda: phases() == {"active", "ended"}, "one in the call, one not")
    joined, ended = ben.page, tab
    if tab.locator("#stage").get_attribute("data-phase") == "active":
        joined, ended = tab, ben.page
    expect(ended.get_by_text("Answered on another device").first).to_be_visible()
    assert open_devices(ended) == 0
    took = noted(ended, "freed") - noted(joined, "active")
    assert took < FREED_MS, f"It let go of its devices {took:.0f} ms after the other had joined."


@contextmanager
def asleep(browser: Browser) -> Iterator[None]:
    """The lid is closed: no process of this browser does anything."""
    session = browser.new_browser_cdp_session()
    processes = [each["id"] for each in session.send("SystemInfo.getProcessInfo")["processInfo"]]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("cut", [False, True], ids=["a nap", "so long that the server has hung up"])
def test_a_ring_that_was_slept_through_is_missed_and_not_rung(ana: Desk, ben: Desk, server: Server, cut: bool) -> None:
    ana.sees_on_line(ben)
    browser = ben.page.context.browser
    assert browser is not None
    with asleep(browser):
        ana.button("Voice call Ben").click()
        ana.says("Calling")
        until(lambda: Leg.objects.filter(state="ringing").exists(), "the call")
        ana.button("Hang up").click()
        until(lambda: Leg.objects.filter(user=ben.user, state="missed").exists(), "the end")
        if cut:
            server.kill()
    if cut:
        server.start()
    ben.until_on_line()
    expect(ben.page.locator("#missed")).to_have_attribute("data-count", "1")
    assert ben.counted("rings") == 0
    assert ben.page.evaluate("window.counted.tones") == []
    assert not JournalEntry.objects.filter(event="alert").exists()


def test_a_microphone_that_is_pulled_out_is_said_and_the_call_stays(ana: Desk, ben: Desk) -> None:
    ana.call(ben, "Voice")
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    # Chromium's fake devices cannot be pulled out: the track ends as it would, and says so.
    ana.page.evaluate("for (const t of counted.tracks) { t.stop(); t.dispatchEvent(new Event('ended')); }")
    ana.says("No microphone was found")
    expect(ana.button("Mute microphone")).to_have_attribute("aria-pressed", "true")
    ana.button("Try again").click()
    expect(ana.button("Mute microphone")).to_have_attribute("aria-pressed", "false")
    until(lambda: abs(ben.loudest_hertz() - 500) < 60, "Ana's tone again")


@pytest.mark.parametrize("script", ["js/snapshots", "js/app", "jsi18n/"])
def test_a_script_that_the_network_swallowed_is_fetched_again(ben: Desk, script: str) -> None:
    """Chromium gives up all that it is fetching when the machine gets another address."""
    ben.page.route(re.compile(script), lambda route: route.abort("internetdisconnected"), times=1)
    loads: list[object] = []
    ben.page.on("load", lambda page: loads.append(page))
    ben.page.reload()
    until(lambda: ben.page.wait_for_timeout(20) or len(loads) == 2, "the second time")
    ben.until_on_line()
    assert ben.page.evaluate("sessionStorage.getItem('earshot.reloads')") is None


def test_a_page_whose_scripts_are_not_there_is_not_loaded_for_ever(ben: Desk) -> None:
    ben.page.add_init_script("const now = setTimeout; window.setTimeout = (act) => now(act, 0);")
    asked: list[str] = []
    ben.page.route(re.compile("js/snapshots"), lambda route: asked.append(route.request.url) or route.abort())
    ben.page.reload()
    until(lambda: ben.page.wait_for_timeout(20) or len(asked) > 3, "the last time")
    ben.page.wait_for_load_state()
    ben.page.evaluate("new Promise((done) => setTimeout(done))")  # what would load it again comes before this
    assert len(asked) == 4


IN_USE = """
const open = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = function (asked) {
  if (asked.video && !window.freed) throw new DOMException("busy", "NotReadableError");
  return open.call(this, asked);
};
undefined
"""


def test_a_camera_that_another_program_uses_is_said_and_can_be_done_without(ana: Desk, ben: Desk) -> None:
    ana.page.evaluate(IN_USE)
    ana.call(ben)
    ana.says("Your camera is used by another program")
    ana.button("Voice only").click()
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    ana.page.evaluate("window.freed = true")
    ana.button("Turn off camera").click()
    until(lambda: ben.frames() > 5, "Ana's picture")
