"""How two browsers were connected and how well, as they measured it; and why they were not."""

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from playwright.sync_api import Locator, expect

from calls.core.vocabulary import Quality
from calls.models import Call, JournalEntry, Leg, LegQuality
from tests.browser.conftest import BLUE, OpenDesk
from tests.browser.desk import Desk
from tests.browser.test_main_job import sees, talk
from tests.support.coturn import SECRET, Coturn
from tests.support.people import make_person
from tests.support.server import Server
from tests.support.wait import until


@pytest.fixture(scope="module")
def coturn() -> Iterator[Coturn]:
    running = Coturn().start()
    yield running
    running.stop()


@pytest.fixture
def relay_server(django_db_setup: None, coturn: Coturn) -> Iterator[Server]:
    running = Server(TURN_URLS=coturn.url, TURN_SECRET=SECRET).start()
    yield running
    running.kill()


@pytest.fixture
def mistaken_server(django_db_setup: None, coturn: Coturn) -> Iterator[Server]:
    """Its secret is not the relay's."""
    running = Server(TURN_URLS=coturn.url, TURN_SECRET="another", EARSHOT_CONNECT_SECONDS=4).start()
    yield running
    running.kill()


def measured() -> list[LegQuality]:
    return list(LegQuality.objects.exclude(mos=None))


def pill(desk: Desk, route: str) -> Locator:
    """What the stage says of the connection; how good it is depends on the machine's other work."""
    return desk.stage.get_by_text(re.compile(rf"^{route} · (good|fair|poor)$"))


def test_what_both_measured_is_kept_when_the_call_ends(ana: Desk, ben: Desk) -> None:
    talk(ana, ben)
    sees(ana, BLUE)
    expect(pill(ana, "Direct")).to_be_visible()
    expect(pill(ben, "Direct")).to_be_visible()
    ana.button("Hang up").click()
    until(lambda: len(measured()) == 2, "both reports")
    for found in measured():
        assert (found.route, found.reconnects) == ("direct", 0) and found.quality in set(Quality)
        assert found.width and found.height and found.round_trip_ms is not None and found.jitter_ms is not None
    call = Call.objects.get()
    ana.page.goto(f"/calls/{call.pk}/")
    said = f"{call.quality.capitalize()} connection, straight between the two of you"
    expect(ana.page.get_by_text(said)).to_be_visible()
    assert JournalEntry.objects.get(event="accept").client == "HeadlessChrome on Linux"


def test_leaving_the_page_reports_too(ana: Desk, ben: Desk) -> None:
    talk(ana, ben)
    expect(pill(ana, "Direct")).to_be_visible()
    ana.page.evaluate("WebSocket.prototype.send = () => {}")  # which closes before it has sent
    ana.page.close(run_before_unload=True)
    until(lambda: LegQuality.objects.filter(leg__user=ana.user, mos__isnull=False).exists(), "Ana's report")


def test_a_call_through_the_relay_says_so(
    open_desk: OpenDesk, relay_server: Server, people: SimpleNamespace, media: SimpleNamespace
) -> None:
    people.ana.hide_address = True
    people.ana.save()
    ana, ben = open_desk(relay_server, people.ana, media.ana), open_desk(relay_server, people.ben, media.ben)
    talk(ana, ben)
    sees(ana, BLUE)
    expect(pill(ana, "Relay")).to_be_visible()
    expect(pill(ben, "Relay")).to_be_visible()
    ana.button("Hang up").click()
    until(lambda: len(measured()) == 2, "both reports")
    assert {found.route for found in measured()} == {"relay"}
    assert LegQuality.objects.get(leg__user=people.ana).local == "relay"


def test_the_doctor_tries_the_relay_from_the_admins_browser(
    open_desk: OpenDesk,
    relay_server: Server,
    mistaken_server: Server,
    people: SimpleNamespace,
    media: SimpleNamespace,
) -> None:
    boss = make_person("boss", is_staff=True, is_superuser=True)
    for server, says in (
        (relay_server, "serves this browser."),
        (mistaken_server, "gives this browser no address (401)."),
    ):
        page = open_desk(server, boss, media.ana).page
        page.goto("/admin/doctor/")
        mine = page.locator("#browser")
        expect(mine.get_by_text(says)).to_be_visible()
        expect(mine.get_by_text("It answers after")).to_be_visible()
        expect(mine.get_by_text("gives camera and microphone")).to_be_visible()


def test_a_relay_that_lets_nobody_in_is_named(
    open_desk: OpenDesk, mistaken_server: Server, people: SimpleNamespace, media: SimpleNamespace
) -> None:
    people.ana.hide_address = True
    people.ana.save()
    ana = open_desk(mistaken_server, people.ana, media.ana)
    ben = open_desk(mistaken_server, people.ben, media.ben)
    ana.call(ben)
    ben.ring(ana).get_by_role("button", name="Accept", exact=True).click()
    expect(ana.stage.get_by_text("The relay did not let you in.")).to_be_visible()
    until(lambda: Call.objects.get().end_reason == "failed", "the end")
    failed = Leg.objects.exclude(failure="").get()
    assert failed.failure == "turn"
    trace = JournalEntry.objects.get(leg=failed, event="hang_up").trace
    assert 401 in trace["errors"]
    assert not any("127.0.0.1" in str(value) for value in trace.values())
