"""axe finds nothing on any page or in any state of a call, light and dark, desktop and phone."""

from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.utils.timezone import now
from playwright.sync_api import expect

from accounts.models import User
from calls import links, switchboard
from calls.core.vocabulary import Kind
from calls.models import Call, Guest, Leg
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.support.server import Server

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SETTLED = """Promise.allSettled(
  document.getAnimations().filter((each) => each.effect.getTiming().iterations !== Infinity).map((it) => it.finished)
)"""
VIOLATIONS = """(where) => axe.run(where, {resultTypes: ["violations"]}).then((result) =>
  result.violations.map((rule) => [rule.id, rule.help, ...rule.nodes.map((node) => node.html + node.failureSummary)])
)"""
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def place(caller: User, callee: User) -> UUID:
    return switchboard.place(
        switchboard.Actor(caller.pk, "some-other-device", uuid4().hex), uuid4(), callee.pk, Kind.VOICE
    )


def check(desk: Desk, where: str = "html") -> None:
    page = desk.page
    # Colours are judged when nothing moves any more.
    page.evaluate(SETTLED)
    page.evaluate(AXE.read_text())
    found = page.evaluate(VIOLATIONS, where)
    assert found == [], found


@pytest.mark.parametrize(
    ("scheme", "viewport"), [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]
)
def test_pages(
    open_desk: OpenDesk,
    server: Server,
    people: SimpleNamespace,
    media: SimpleNamespace,
    scheme: str,
    viewport: dict[str, int],
) -> None:
    people.ana.is_staff = True
    people.ana.save()
    desk = open_desk(server, people.ana, media.ana, viewport=viewport, color_scheme=scheme)
    check(desk)
    guest = Guest.objects.create(link=links.make(people.ana), name="Gwen Guest", entered_at=now())
    links.leave_message(guest, "Please call me back")
    placed, *_ = (place(people.ben, people.ana) for _ in range(3))
    desk.page.goto(f"/calls/{placed}/")
    expect(desk.page.get_by_role("heading", name="Ben", exact=True)).to_be_visible()
    check(desk)
    for path, name in (
        ("/people/ben/", "Ben"),
        ("/calls/", "Recents"),
        ("/links/", "Links"),
        ("/settings/", "Settings"),
        ("/settings/invitations/", "Invite people"),
        ("/accounts/second-step/", "Second step"),
    ):
        desk.page.goto(path)
        expect(desk.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        check(desk)


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)])
def test_the_admins_pages_of_calls(
    open_desk: OpenDesk,
    server: Server,
    people: SimpleNamespace,
    media: SimpleNamespace,
    scheme: str,
    viewport: dict[str, int],
) -> None:
    """Ours; Django's own parts are Django's."""
    people.ana.is_staff = people.ana.is_superuser = True
    people.ana.save()
    call_command("generate_calls", 300, "--told", "300", "--days", "5", "--seed", "2")
    failed = Leg.objects.filter(failure="ice").values_list("call", flat=True)[0]
    talked = Call.objects.filter(talked_seconds__gte=60).values_list("pk", flat=True)[0]
    desk = open_desk(server, people.ana, media.ana, viewport=viewport, color_scheme=scheme)
    for path, mark in (
        ("now/", "person on line"),
        ("overview/", "Calls by day"),
        (f"{failed}/change/", "Why it failed"),
        (f"{talked}/change/", "Quality of the sound"),
        (f"{talked}/end/", "are told that an admin ended it"),
        ("../../doctor/", "No relay is set."),
    ):
        desk.page.goto(f"/admin/calls/call/{path}")
        expect(desk.page.get_by_text(mark).first).to_be_visible()
        for each in desk.page.locator("#content summary").all():
            each.click()
        check(desk, ".card" if path.endswith("change/") else "#content")
        wide = desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)])
def test_every_state_of_a_call(
    open_desk: OpenDesk,
    server: Server,
    people: SimpleNamespace,
    media: SimpleNamespace,
    scheme: str,
    viewport: dict[str, int],
) -> None:
    ana = open_desk(server, people.ana, media.ana, viewport=viewport, color_scheme=scheme)
    ben = open_desk(server, people.ben, media.ben, viewport=viewport, color_scheme=scheme)
    ana.call(ben)
    ana.says("Ringing…")
    check(ana)
    expect(ben.ring(ana)).to_be_visible()
    check(ben)
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    ana.until_connected()
    check(ana)
    ana.button("Devices").click()
    check(ana)
    ana.button("Devices").click()
    ana.button("Show pages").click()
    check(ana)
    chen = open_desk(server, people.chen, media.ana)
    chen.button("Voice call Ben").click()
    expect(ben.ring(chen)).to_be_visible()
    check(ben)
    ana.button("Hang up").click()
    ben.says("Call ended")
    check(ben)


def test_a_media_problem(open_desk: OpenDesk, server: Server, people: SimpleNamespace, ben: Desk) -> None:
    ana = open_desk(server, people.ana, ["--use-fake-device-for-media-stream", "--deny-permission-prompts"])
    ana.call(ben)
    ana.says("This browser may not use your microphone")
    check(ana)
