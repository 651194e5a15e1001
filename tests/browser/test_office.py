"""The admin at work in a browser: what goes on now, as it changes, and ending a call whose people are told."""

import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.browser.test_main_job import talk
from tests.support.people import make_person
from tests.support.server import Server

NOW = "/admin/calls/call/now/"


@pytest.fixture
def office(open_desk: OpenDesk, server: Server, people: SimpleNamespace, media: SimpleNamespace) -> Page:
    boss = make_person("boss", name="Bea Boss", is_staff=True, is_superuser=True)
    page = open_desk(server, boss, media.ana).page
    page.goto(NOW)
    return page


def test_it_shows_a_call_as_it_comes_and_ends_it(office: Page, ana: Desk, ben: Desk) -> None:
    expect(office.get_by_text("Nobody is in a call.")).to_be_visible()
    talk(ana, ben)
    row = office.get_by_role("row", name="Ana Ben video active")
    expect(row).to_be_visible()
    row.get_by_role("link", name="End").click()
    expect(office.get_by_text("Ana and Ben are told that an admin ended it.")).to_be_visible()
    expect(ana.stage).to_have_attribute("data-phase", "active")
    office.get_by_role("button", name="End the call").click()
    expect(office.get_by_text("Its people were told that an admin did.")).to_be_visible()
    ana.says("An admin ended the call")
    ben.says("An admin ended the call")
    expect(office.get_by_text("Nobody is in a call.")).to_be_visible()


def test_the_keyboard_stays_where_it_is_when_the_page_refreshes(office: Page, ana: Desk, ben: Desk) -> None:
    people = office.get_by_role("row").filter(has_text="@ana")
    link = people.get_by_role("link", name="Sign out everywhere")
    link.focus()
    talk(ana, ben)
    expect(office.get_by_role("row", name="Ana Ben video active")).to_be_visible()
    expect(link).to_be_focused()


def test_a_server_that_is_away_is_said(office: Page) -> None:
    office.route(f"**{NOW}", lambda route: route.abort())
    expect(office.get_by_text("The server does not answer")).to_be_visible()
    office.unroute(f"**{NOW}")
    expect(office.get_by_text("The server does not answer")).to_be_hidden()


@pytest.mark.parametrize("status", [500, 502, 503])
def test_so_is_one_that_fails_and_the_page_goes_on_asking(office: Page, status: int) -> None:
    office.route(
        f"**{NOW}", lambda route: route.fulfill(status=status, body="<h1>Sorry</h1>", content_type="text/html")
    )
    expect(office.get_by_text("The server does not answer")).to_be_visible()
    expect(office.get_by_text("Nobody is in a call.")).to_be_visible()
    office.unroute(f"**{NOW}")
    expect(office.get_by_text("The server does not answer")).to_be_hidden()


def test_who_is_signed_out_meanwhile_lands_at_the_sign_in(office: Page) -> None:
    office.context.clear_cookies()
    expect(office).to_have_url(re.compile("/accounts/login/"))


def test_who_is_no_admin_any_more_is_told_so(office: Page) -> None:
    User.objects.filter(handle="boss").update(is_staff=False)
    expect(office.get_by_text("Nobody is in a call.")).to_be_hidden()


def test_signing_somebody_out_everywhere(office: Page, ana: Desk, ben: Desk) -> None:
    talk(ana, ben)
    people = office.get_by_role("row").filter(has_text="@ana")
    people.get_by_role("link", name="Sign out everywhere").click()
    office.get_by_role("button", name="Sign out everywhere").click()
    ben.says("The call was ended")
    ana.says("You are no longer connected")
