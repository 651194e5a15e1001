"""Somebody without an account calls by a link, from a telephone."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from calls import link_secret, links
from calls.models import Link
from tests.browser.conftest import ANAS_TONE, BENS_TONE, BLUE, RED, OpenDesk
from tests.browser.desk import Desk, GuestDesk
from tests.browser.test_accessibility import check
from tests.browser.test_main_job import hears, keeps_coming, sees
from tests.support.server import Server
from tests.support.wait import until

OpenGuest = Callable[..., GuestDesk]


@pytest.fixture
def link(people: SimpleNamespace) -> Link:
    return links.make(people.ana, title="Interview")


@pytest.fixture
def secret(link: Link) -> str:
    return link_secret.secret_of(link.number)


def talk(ana: Desk, guest: GuestDesk) -> None:
    guest.enter(ana.user, line="About the flat")
    ring = ana.ring(guest)
    expect(ring).to_contain_text("guest")
    expect(ring).to_contain_text("Interview · About the flat")
    ring.get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    guest.until_connected()


def test_a_guest_calls_the_owner_and_both_see_and_hear_each_other(
    ana: Desk, open_guest: OpenGuest, secret: str
) -> None:
    guest = open_guest(secret)
    expect(guest.heading("Call Ana")).to_be_visible()
    talk(ana, guest)
    sees(ana, BLUE)
    sees(guest, RED)
    hears(ana, BENS_TONE)
    hears(guest, ANAS_TONE)
    keeps_coming(guest)
    ana.button("Hang up").click()
    expect(guest.page.get_by_role("heading", name="Call ended")).to_be_visible()
    assert guest.errors == ana.errors == []


def test_who_looks_away_before_entering_can_call_all_the_same(ana: Desk, open_guest: OpenGuest, secret: str) -> None:
    guest = open_guest(secret)
    expect(guest.heading("Call Ana")).to_be_visible()
    guest.page.evaluate("document.dispatchEvent(new Event('visibilitychange')); dispatchEvent(new Event('online'))")
    guest.enter(ana.user, "Voice")
    expect(ana.ring(guest)).to_be_visible()


def test_a_page_loaded_again_in_the_call_is_back_in_it(ana: Desk, open_guest: OpenGuest, secret: str) -> None:
    guest = open_guest(secret)
    talk(ana, guest)
    guest.page.on("dialog", lambda dialog: dialog.accept())
    guest.page.reload()
    guest.until_connected()
    sees(guest, RED)
    sees(ana, BLUE)


def test_revoking_in_a_call_ends_it_and_says_so(ana: Desk, open_guest: OpenGuest, secret: str, link: Link) -> None:
    guest = open_guest(secret)
    talk(ana, guest)
    ana.button("Show pages").click()
    ana.page.get_by_role("link", name="Links").click()
    ana.page.get_by_role("link", name="Interview").click()
    ana.button("Revoke").click()
    expect(guest.heading("This link works no more")).to_be_visible()
    ana.says("The call was ended")
    assert guest.open_connections() == 0


def test_two_with_a_link_that_works_once(ana: Desk, open_guest: OpenGuest, people: SimpleNamespace) -> None:
    secret = link_secret.secret_of(links.make(people.ana, max_uses=1).number)
    first, second = open_guest(secret), open_guest(secret, "Hank Hasty")
    expect(second.heading("Call Ana")).to_be_visible()
    first.enter(ana.user)
    expect(ana.ring(first)).to_be_visible()
    second.enter(ana.user)
    expect(second.heading("This link has been used")).to_be_visible()


def test_declined_a_guest_may_leave_a_message(ana: Desk, open_guest: OpenGuest, secret: str) -> None:
    guest = open_guest(secret)
    guest.enter(ana.user, "Voice")
    ana.ring(guest).get_by_role("button", name="Decline", exact=True).click()
    expect(guest.heading("Ana declined the call")).to_be_visible()
    check(guest)
    guest.page.get_by_label("Leave a message").fill("Call me back, please")
    guest.button("Leave it").click()
    expect(guest.heading("Your message is there")).to_be_visible()
    ana.page.get_by_role("link", name="Recents").click()
    expect(ana.page.get_by_text("Call me back, please")).to_be_visible()


def test_who_waits_is_put_through_when_the_owner_comes_on_line(
    open_guest: OpenGuest,
    open_desk: OpenDesk,
    server: Server,
    people: SimpleNamespace,
    media: SimpleNamespace,
    secret: str,
) -> None:
    guest = open_guest(secret)
    guest.enter(people.ana)
    expect(guest.heading("Ana is not on line")).to_be_visible()
    guest.button("Wait for Ana").click()
    expect(guest.heading("Waiting for Ana")).to_be_visible()
    check(guest)
    ana = open_desk(server, people.ana, media.ana)
    ana.ring(guest).get_by_role("button", name="Accept", exact=True).click()
    guest.until_connected()
    ana.until_connected()
    sees(guest, RED)


@pytest.mark.parametrize(
    ("facts", "heading"),
    [
        ({"valid_until": now() - timedelta(days=1)}, "This link has expired"),
        ({"valid_from": now() + timedelta(days=1)}, "You are early"),
        ({"max_uses": 1, "uses": 1}, "This link has been used"),
        ({"weekdays": str((now().weekday() + 3) % 7)}, "Not at this hour"),
        ({"paused_at": now()}, "This link rests for now"),
        ({"revoked_at": now()}, "This link works no more"),
    ],
)
def test_every_closed_link_has_its_page(
    open_guest: OpenGuest, people: SimpleNamespace, facts: dict[str, object], heading: str
) -> None:
    guest = open_guest(link_secret.secret_of(links.make(people.ana, **facts).number))
    expect(guest.heading(heading)).to_be_visible()
    check(guest)


def test_mistyped_and_unknown_look_alike(open_guest: OpenGuest, secret: str) -> None:
    pages = []
    for wrong in (secret[:-1], "x" * len(secret)):
        guest = open_guest(wrong)
        expect(guest.heading("There is no such link")).to_be_visible()
        pages.append(guest.page.locator("main").inner_text())
    assert pages[0] == pages[1]


def test_a_passcode_is_asked_for_first(open_guest: OpenGuest, people: SimpleNamespace) -> None:
    guest = open_guest(link_secret.secret_of(links.make(people.ana, passcode="open sesame").number))
    expect(guest.heading("What is the passcode?")).to_be_visible()
    assert "Ana" not in guest.page.locator("main").inner_text()
    guest.page.get_by_label("Passcode").fill("wrong")
    guest.button("Go on").click()
    expect(guest.page.get_by_text("This is not the passcode.")).to_be_visible()
    check(guest)
    guest.page.get_by_label("Passcode").fill("open sesame")
    guest.button("Go on").click()
    expect(guest.heading("Call Ana")).to_be_visible()


def test_before_the_answer_nothing_of_the_guest_goes_out(ana: Desk, open_guest: OpenGuest, secret: str) -> None:
    guest = open_guest(secret)
    guest.enter(ana.user)
    expect(ana.ring(guest)).to_be_visible()
    guest.says("Ringing…")
    assert guest.open_connections() == guest.counted("candidates") == 0


def test_making_copying_and_pausing_a_link(
    open_desk: OpenDesk, server: Server, people: SimpleNamespace, media: SimpleNamespace
) -> None:
    ana = open_desk(server, people.ana, media.ana, path="/links/", permissions=["clipboard-read", "clipboard-write"])
    ana.button("Turn it on").click()
    expect(ana.button("Turn it off")).to_be_visible()
    check(ana)
    ana.page.get_by_role("link", name="New link").click()
    check(ana)
    ana.page.get_by_label("What it is for").fill("Interview")
    ana.page.get_by_label("Works", exact=True).select_option(label="For so many guests:")
    ana.button("Make the link").click()
    expect(ana.page.get_by_text("Say how many guests it lets in.")).to_be_visible()
    ana.page.get_by_label("How many guests").fill("3")
    ana.button("Make the link").click()
    expect(ana.page.get_by_role("heading", name="Interview")).to_be_visible()
    qr = ana.page.get_by_alt_text("The address as a QR code")
    until(lambda: qr.evaluate("(image) => image.naturalWidth") > 0, "the QR code")
    check(ana)
    ana.button("Copy").click()
    expect(ana.button("Copied")).to_be_visible()
    copied = ana.page.evaluate("navigator.clipboard.readText()")
    made = Link.objects.get(personal=False)
    assert copied == f"{server.origin}/l/#{link_secret.secret_of(made.number)}"
    assert made.max_uses == 3
    ana.button("Pause").click()
    expect(ana.page.get_by_text("Paused", exact=True)).to_be_visible()
    ana.button("Open it again").click()
    expect(ana.button("Pause")).to_be_visible()
