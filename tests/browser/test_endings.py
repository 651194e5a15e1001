"""Every way in which a call does not come about, and what each side is told."""

from types import SimpleNamespace

from playwright.sync_api import expect

from accounts.models import User
from tests.browser.conftest import ALLOWED, OpenDesk
from tests.browser.desk import Desk
from tests.support.server import Server
from tests.support.wait import until


def test_declined(ana: Desk, ben: Desk) -> None:
    ana.call(ben)
    ben.ring(ana).get_by_role("button", name="Decline").click()
    ana.says("Ben declined the call")
    expect(ben.ring(ana)).to_be_hidden()


def test_cancelled(ana: Desk, ben: Desk) -> None:
    ana.call(ben)
    expect(ben.ring(ana)).to_be_visible()
    ana.button("Hang up").click()
    expect(ben.ring(ana)).to_be_hidden()
    expect(ben.page.get_by_text("You missed a call from Ana")).to_be_visible()
    expect(ben.page.locator("#missed")).to_be_visible()
    ben.page.get_by_role("link", name="Recents").click()
    expect(ben.page.get_by_text("Missed video call")).to_be_visible()
    expect(ben.page.locator("#missed")).to_be_hidden()


def test_no_answer(open_desk: OpenDesk, hasty_server: Server, people: SimpleNamespace, media: SimpleNamespace) -> None:
    ana, ben = open_desk(hasty_server, people.ana, media.ana), open_desk(hasty_server, people.ben, media.ben)
    ana.call(ben)
    expect(ben.ring(ana)).to_be_visible()
    ana.says("No answer")
    expect(ben.ring(ana)).to_be_hidden()


def test_off_line(ana: Desk) -> None:
    ana.button("Voice call Sam").click()
    ana.says("Sam is not on line")


def test_busy(
    ana: Desk, ben: Desk, open_desk: OpenDesk, server: Server, people: SimpleNamespace, media: SimpleNamespace
) -> None:
    ana.call(ben, "Voice")
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    User.objects.filter(pk=people.ben.pk).update(call_waiting=False)
    chen = open_desk(server, people.chen, media.ana)
    chen.button("Voice call Ben").click()
    chen.says("Ben is in another call")


def test_both_call_each_other_and_are_in_one_call(ana: Desk, ben: Desk) -> None:
    ana.sees_on_line(ben)
    ben.sees_on_line(ana)
    ana.button("Voice call Ben").click(no_wait_after=True)
    ben.button("Voice call Ana").click(no_wait_after=True)
    ana.until_connected()
    ben.until_connected()


def test_answered_in_one_tab_the_other_falls_silent_and_says_why(ana: Desk, ben: Desk) -> None:
    second = ben.page.context.new_page()
    second.goto("/calls/")
    ana.call(ben)
    card = second.get_by_role("alertdialog", name="Incoming call from Ana")
    expect(card).to_be_visible()
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    expect(card).to_be_hidden()
    expect(second.get_by_text("Answered on another device")).to_be_visible()


def test_enter_accepts_and_escape_declines(ana: Desk, ben: Desk) -> None:
    ana.call(ben)
    expect(ben.ring(ana)).to_be_visible()
    ben.page.keyboard.press("Escape")
    ana.says("Ben declined the call")
    ana.button("Call again").click()
    expect(ben.ring(ana)).to_be_visible()
    ben.page.keyboard.press("Enter")
    ben.until_connected()


def test_camera_denied(open_desk: OpenDesk, server: Server, people: SimpleNamespace, ben: Desk) -> None:
    flags = ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]
    ana = open_desk(server, people.ana, flags)
    ana.call(ben)
    ana.says("This browser may not use your microphone")
    ana.button("Listen only").click()
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    expect(ana.button("Mute microphone")).to_have_attribute("aria-pressed", "true")


def test_no_camera_and_no_microphone(open_desk: OpenDesk, server: Server, people: SimpleNamespace, ben: Desk) -> None:
    ana = open_desk(server, people.ana, ALLOWED)
    ben.call(ana)
    ana.ring(ben).get_by_role("button", name="Accept", exact=True).click()
    ana.says("No microphone was found")
    ana.button("Listen only").click()
    ana.until_connected()
    until(lambda: ana.frames() > 5, "frames from Ben")
