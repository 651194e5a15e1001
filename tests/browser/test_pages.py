"""The pages around a call: finding people, presence as it changes, and signing out."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from calls import history
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.browser.test_accessibility import place
from tests.support.people import session_of
from tests.support.server import Server
from tests.support.wait import until

BUTTON_CENTRE = """(() => {
  const box = document.querySelector("#sound-bar button").getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})()"""


@pytest.fixture
def strict_ben(
    launch: Callable[[list[str]], Browser], server: Server, people: SimpleNamespace, media: SimpleNamespace
) -> Iterator[Page]:
    """Ben in a browser that has seen no click and allows no sound before one."""
    browser = launch([*media.ben, "--autoplay-policy=document-user-activation-required"])
    context = browser.new_context(base_url=server.origin)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session_of(people.ben), "url": server.origin}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def test_presence_changes_while_one_looks(ana: Desk, ben: Desk) -> None:
    ana.sees_on_line(ben)
    line = ana.page.locator(f".people__list [data-presence-line='{ben.user.pk}']")
    expect(line).to_have_text("On line")
    ben.button("Voice call Chen").click()
    ben.says("Chen is not on line")
    ben.page.context.close()
    expect(line).to_contain_text("Last seen Today")


def test_someone_in_a_call_is_shown_as_such(
    ana: Desk, ben: Desk, open_desk: OpenDesk, server: Server, people: SimpleNamespace, media: SimpleNamespace
) -> None:
    chen = open_desk(server, people.chen, media.ana)
    ana.call(ben, "Voice")
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    expect(chen.page.locator(f".people__list [data-presence-line='{ben.user.pk}']")).to_have_text("In a call")


def test_the_search_filters_while_one_types_and_says_when_nobody_fits(ana: Desk) -> None:
    field = ana.page.get_by_role("searchbox")
    field.fill("be")
    expect(ana.button("Voice call Ben")).to_be_visible()
    expect(ana.button("Voice call Chen")).to_be_hidden()
    field.fill("@sam")
    expect(ana.button("Voice call Sam")).to_be_visible()
    field.fill("nobody")
    expect(ana.page.get_by_text("Nobody is called that.")).to_be_visible()
    field.fill("sa")
    field.press("Enter")
    expect(ana.page).to_have_url(f"{ana.page.url.split('?')[0]}?q=sa")
    expect(ana.button("Voice call Ben")).to_have_count(0)


def test_a_favourite_comes_first(ana: Desk) -> None:
    ana.page.get_by_role("link", name="Chen").click()
    expect(ana.page.get_by_role("heading", name="Chen")).to_be_visible()
    ana.button("Favourite").click()
    expect(ana.button("Favourite")).to_have_attribute("aria-pressed", "true")
    expect(ana.page.get_by_role("heading", name="Favourites")).to_be_visible()
    expect(ana.page.locator(".people__list .row__name").first).to_have_text("Chen")


def test_signing_out_in_one_tab_reaches_the_others_and_ends_the_call(ana: Desk, ben: Desk) -> None:
    ana.call(ben, "Voice")
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    second = ana.page.context.new_page()
    second.goto("/settings/")
    second.get_by_role("button", name="Sign out").click()
    second.get_by_role("heading", name="Sign in").wait_for()
    ana.says("You are no longer connected")
    ben.says("The call was ended")


def test_somebody_who_asked_not_to_be_disturbed_is_shown_the_call_and_hears_nothing(
    ana: Desk, ben: Desk, people: SimpleNamespace
) -> None:
    ben.page.goto("/settings/")
    ben.button("1 hour").click()
    expect(ben.page.locator("#my-portrait .presence")).to_have_attribute("data-status", "do_not_disturb")
    expect(ana.page.locator(f".people__list [data-presence-line='{ben.user.pk}']")).to_contain_text(
        "Do not disturb until"
    )
    ana.button("Voice call Ben").click()
    expect(ben.ring(ana)).to_be_visible()
    ana.says("Calling…")
    assert ben.page.title() != "Ana is calling"


def test_a_browser_that_forbids_sound_is_asked_for_by_one_click(ana: Desk, ben: Desk, strict_ben: Page) -> None:
    ben.page.close()
    # Playwright's own looking counts as the person's gesture, so this page is looked at through the protocol.
    look = strict_ben.context.new_cdp_session(strict_ben)

    def shown(selector: str) -> bool:
        expression = f"document.querySelector('{selector}')?.checkVisibility()"
        return bool(look.send("Runtime.evaluate", {"expression": expression})["result"].get("value"))

    until(lambda: shown("#my-portrait .presence[data-status=online]"), "Ben on line")
    ana.call(ben)
    until(lambda: shown("#sound-bar"), "the question for a click")
    box = look.send("Runtime.evaluate", {"expression": BUTTON_CENTRE, "returnByValue": True})["result"]["value"]
    strict_ben.mouse.click(*box)
    until(lambda: not shown("#sound-bar"), "sound")
    assert shown(".ring")


def test_several_tabs_of_one_browser_sound_once(ana: Desk, ben: Desk) -> None:
    second = ben.page.context.new_page()
    second.goto("/calls/")
    ana.call(ben)
    expect(second.get_by_role("alertdialog")).to_be_visible()
    expect(ben.ring(ana)).to_be_visible()

    def holders() -> list[str]:
        state = ben.page.evaluate("navigator.locks.query()")
        return [lock["name"] for lock in state["held"] if lock["name"] == "earshot.ring"]

    until(lambda: len(holders()) == 1, "one tab that sounds")
    ben.ring(ana).get_by_role("button", name="Decline").click()
    until(lambda: not holders(), "silence")


def test_a_person_is_made_signs_in_and_is_there(server: Server, ana: Desk, people: SimpleNamespace) -> None:
    """The form, the password and the session of a real sign-in; every other test puts a session in the cookie."""
    dora = User.objects.create_user("dora", "dora@example.org", "a long enough one", name="Dora")
    page = ana.page.context.browser.new_context(base_url=server.origin).new_page()  # type: ignore[union-attr]
    page.goto("/")
    page.get_by_label("E-mail address or handle").fill("dora@example.org")
    page.get_by_label("Password").fill("a long enough one")
    page.get_by_role("button", name="Sign in").click()
    page.locator("#my-portrait .presence[data-status=online]").wait_for()
    ana.page.reload()
    expect(ana.page.locator(f".people__list [data-presence-of='{dora.pk}'][data-status=online]")).to_be_visible()
    page.context.close()


def test_older_calls_come_as_one_scrolls(ana: Desk, people: SimpleNamespace) -> None:
    for _ in range(history.PAGE):
        place(people.ana, people.ben)
        place(people.ana, people.chen)
    ana.page.goto("/calls/")
    rows = ana.page.locator(".recent")
    expect(rows.first).to_be_visible()
    until(lambda: ana.page.evaluate("scrollBy(0, 1)") or rows.count() >= history.PAGE, "the first page")
    ana.page.locator(".recent").last.scroll_into_view_if_needed()
    expect(rows).to_have_count(2 * history.PAGE)
    expect(ana.page.get_by_role("heading", name="Today")).to_have_count(1)
    expect(ana.page.locator("[data-more]")).to_have_count(0)
    ana.page.get_by_label("Show", exact=True).select_option(label="Incoming")
    expect(ana.page.get_by_text("No call fits.")).to_be_visible()
