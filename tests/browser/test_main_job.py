"""The main job, in two real browsers: someone calls, the other answers, and both see and hear each other."""

from types import SimpleNamespace

from playwright.sync_api import expect

from tests.browser.conftest import ANAS_TONE, BENS_TONE, BLUE, RED, OpenDesk
from tests.browser.desk import Desk, is_close
from tests.support.server import Server
from tests.support.wait import until

HERTZ_TOLERANCE = 25

# By the clock of the pages: from a reload until each has a picture of the other again. A machine
# that is busy with other tests may be late; not each time.
BACK_MS = 3000
RELOADS = 3


def talk(caller: Desk, callee: Desk, kind: str = "Video") -> None:
    caller.call(callee, kind)
    callee.ring(caller).get_by_role("button", name="Accept", exact=True).click()
    caller.until_connected()
    callee.until_connected()


def sees(desk: Desk, colour: tuple[int, int, int]) -> None:
    until(lambda: is_close(desk.colour(), colour), f"the picture of {colour}")


def hears(desk: Desk, hertz: int) -> None:
    until(lambda: abs(desk.loudest_hertz() - hertz) < HERTZ_TOLERANCE, f"the tone of {hertz} Hz")


def keeps_coming(desk: Desk) -> None:
    before = desk.frames()
    until(lambda: desk.frames() > before + 5, "more frames")


def test_both_see_and_hear_each_other(ana: Desk, ben: Desk) -> None:
    talk(ana, ben)
    sees(ana, BLUE)
    sees(ben, RED)
    hears(ana, BENS_TONE)
    hears(ben, ANAS_TONE)
    keeps_coming(ana)
    keeps_coming(ben)
    assert ana.errors == ben.errors == []


def test_calling_becomes_ringing_and_the_clock_runs_from_the_answer(ana: Desk, ben: Desk) -> None:
    ana.call(ben)
    ana.says("Ringing…")
    expect(ana.stage.locator(".stage__clock")).to_be_hidden()
    expect(ana.stage.get_by_label("You", exact=True)).to_be_visible()
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    expect(ana.stage.locator(".stage__clock")).to_have_text("00:02")


def test_before_accept_nothing_is_open_and_nothing_is_sent(ana: Desk, ben: Desk) -> None:
    ana.call(ben)
    ana.says("Ringing…")
    expect(ben.ring(ana)).to_be_visible()
    assert ben.open_connections() == 0
    for desk in (ana, ben):
        assert desk.counted("peerMessages") == desk.counted("candidates") == 0
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ben.until_connected()
    assert ben.open_connections() == 1
    assert ana.counted("candidates") > 0


def test_a_voice_call_sends_no_picture(ana: Desk, ben: Desk) -> None:
    talk(ana, ben, "Voice")
    hears(ana, BENS_TONE)
    hears(ben, ANAS_TONE)
    assert ana.frames() == ben.frames() == 0
    for desk in (ana, ben):
        expect(desk.button("Turn off camera")).to_have_attribute("aria-pressed", "true")


def test_a_video_call_may_be_answered_with_voice_and_the_camera_comes_later(ana: Desk, ben: Desk) -> None:
    ana.call(ben)
    ben.ring(ana).get_by_role("button", name="Answer with voice").click()
    ben.until_connected()
    sees(ben, RED)
    assert ana.frames() == 0
    ben.button("Turn off camera").click()
    sees(ana, BLUE)


def test_muted_and_camera_off_are_shown_to_the_other_side(ana: Desk, ben: Desk) -> None:
    talk(ana, ben)
    sees(ana, BLUE)
    ben.button("Mute microphone").click()
    expect(ben.button("Mute microphone")).to_have_attribute("aria-pressed", "true")
    ana.says("Ben is muted")
    ben.button("Turn off camera").click()
    expect(ana.stage).not_to_have_class("stage stage--picture")
    ben.button("Mute microphone").click()
    expect(ana.stage.get_by_text("Ben is muted")).to_be_hidden()


def test_a_reload_is_back_in_the_same_call(ana: Desk, ben: Desk) -> None:
    talk(ana, ben)
    sees(ana, BLUE)
    took: list[float] = []
    while not took or (took[-1] > BACK_MS and len(took) < RELOADS):
        ana.page.reload()
        ana.until_connected()
        sees(ana, BLUE)
        sees(ben, RED)
        keeps_coming(ben)
        began = float(ana.page.evaluate("performance.timeOrigin"))
        assert min(ana.noted("picture"), ben.noted("picture")) > began
        took.append(max(ana.noted("picture"), ben.noted("picture")) - began)
    assert took[-1] < BACK_MS, took


def test_the_call_goes_on_while_one_walks_through_the_pages(ana: Desk, ben: Desk) -> None:
    talk(ana, ben)
    ana.button("Show pages").click()
    ana.page.get_by_role("link", name="Recents").click()
    expect(ana.page.get_by_role("heading", name="Recents")).to_be_visible()
    ana.page.get_by_role("link", name="Settings").first.click()
    expect(ana.page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
    keeps_coming(ana)
    ana.button("Show call").click()
    ana.button("Hang up").click()
    ben.says("Call ended")


def test_a_server_that_is_killed_does_not_end_the_call(
    open_desk: OpenDesk, people: SimpleNamespace, media: SimpleNamespace
) -> None:
    server = Server().start()
    try:
        ana, ben = open_desk(server, people.ana, media.ana), open_desk(server, people.ben, media.ben)
        talk(ana, ben)
        server.kill()
        keeps_coming(ana)
        server.start()
        ana.until_on_line()
        ben.button("Mute microphone").click()
        ana.says("Ben is muted")
        ben.button("Hang up").click()
        ana.says("Call ended")
    finally:
        server.kill()
