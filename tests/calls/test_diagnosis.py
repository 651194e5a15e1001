"""Why a call failed, as the admin's page of it says: the stage, what was seen, and a hint that fits."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.utils import timezone

from calls import diagnosis, history, overview
from calls.core.vocabulary import FailureStage
from calls.models import Call, JournalEntry, Leg, LegQuality, QualityReport
from tests.support.people import make_person
from tests.support.server import Server

RELAY = {"TURN_URLS": ["turn:relay.example.org"], "STUN_URLS": ["stun:relay.example.org"]}


@pytest.fixture
def call(people: SimpleNamespace) -> Call:
    at = timezone.now()
    made = Call.objects.create(
        id=uuid4(), kind="video", state="ended", placed_at=at, ring_expires_at=at, answered_at=at,
        ended_at=at + timedelta(seconds=20), talked_seconds=20, end_reason="failed", ended_by="person",
    )  # fmt: skip
    Leg.objects.create(call=made, user=people.ana, role="caller", state="left", joined_at=at, failure="ice")
    Leg.objects.create(call=made, user=people.ben, role="callee", state="left", joined_at=at)
    return made


def diagnose(call: Call, failure: str, **trace: Any) -> diagnosis.Diagnosis:
    caller = call.legs.get(role="caller")
    caller.failure = failure
    entry = JournalEntry(call=call, leg=caller, trace=trace or None)
    found = diagnosis.of(call, [caller, call.legs.select_related("user").get(role="callee")], [entry])
    assert found is not None
    return found


@pytest.mark.parametrize("stage", FailureStage)
def test_every_stage_has_a_heading_a_meaning_and_a_hint(call: Call, stage: FailureStage) -> None:
    found = diagnose(call, stage)
    assert found.heading and found.hints and "Ana" in found.means
    assert [step.name for step in found.steps if step.state == "failed"] == [stage]
    assert [step.name for step in found.steps] == list(FailureStage)


def test_no_relay_is_the_first_hint_where_there_is_none(call: Call, settings: Any) -> None:
    settings.TURN_URLS = settings.STUN_URLS = []
    hints = diagnose(call, "ice", local=["host"], remote=["host"], errors=[]).hints
    assert "There is no relay" in hints[0] and "STUN" in hints[1]


@pytest.mark.parametrize(
    ("trace", "hint"),
    [
        ({"local": ["host"], "remote": ["host"], "errors": [701]}, "not reached from their network"),
        ({"local": ["host"], "remote": ["host", "srflx"], "errors": []}, "Neither side got a candidate from the relay"),
        ({"local": ["relay"], "remote": ["relay"], "errors": []}, "relay ports"),
        ({}, "relay ports"),
    ],
)
def test_with_a_relay_the_hint_follows_from_what_was_seen(
    call: Call, settings: Any, trace: dict[str, Any], hint: str
) -> None:
    settings.TURN_URLS, settings.STUN_URLS = RELAY["TURN_URLS"], RELAY["STUN_URLS"]
    assert any(hint in each for each in diagnose(call, "ice", **trace).hints)


def test_that_a_side_hides_its_address_is_said(call: Call, settings: Any, people: SimpleNamespace) -> None:
    settings.TURN_URLS = RELAY["TURN_URLS"]
    people.ben.hide_address = True
    people.ben.save()
    assert any("hides their address" in each for each in diagnose(call, "ice").hints)


NETWORK = [stage for stage in FailureStage if stage not in ("permission", "device")]


class TestBrokenOff:
    """Media flowed, and then broke off for good."""

    @pytest.fixture(autouse=True)
    def talked(self, call: Call) -> None:
        call.talked_seconds, call.route = 12 * 60, "direct"
        call.ended_at = call.placed_at + timedelta(minutes=12)
        call.save()

    @pytest.mark.parametrize("stage", NETWORK)
    def test_it_is_no_call_that_never_connected(self, call: Call, stage: FailureStage) -> None:
        found = diagnose(call, stage, local=["host"], remote=["host"], errors=[])
        assert found.heading == "The connection broke off after 12 min and did not come back"
        assert "Ana and the other side were connected" in found.means
        assert found.steps == []
        assert "lost its network" in found.hints[0]

    @pytest.mark.parametrize("stage", ["permission", "device"])
    def test_devices_that_fail_later_are_still_named(self, call: Call, stage: str) -> None:
        assert [step.name for step in diagnose(call, stage).steps if step.state == "failed"] == [stage]

    def test_what_a_side_measured_tells_it_too(self, call: Call) -> None:
        call.route = ""
        leg = call.legs.get(role="callee")
        LegQuality.objects.create(leg=leg, call=call, placed_at=call.placed_at)
        assert "No network path" in diagnose(call, "ice").heading
        LegQuality.objects.update(reports=1)
        assert "broke off" in diagnose(call, "ice").heading

    @pytest.mark.parametrize(
        ("stage", "trace", "hint"),
        [
            ("ice", {"errors": [701]}, "not reached from their network"),
            ("turn", {"errors": [401]}, "TURN_SECRET"),
            ("signaling", {}, "proxy"),
        ],
    )
    def test_the_hints_follow_from_what_was_seen(
        self, call: Call, settings: Any, stage: str, trace: dict[str, Any], hint: str
    ) -> None:
        settings.TURN_URLS, settings.STUN_URLS = RELAY["TURN_URLS"], RELAY["STUN_URLS"]
        assert any(hint in each for each in diagnose(call, stage, **trace).hints)
        assert not any("There is no relay" in each for each in diagnose(call, stage, **trace).hints)

    def test_without_a_relay_that_is_a_hint(self, call: Call, settings: Any) -> None:
        settings.TURN_URLS = settings.STUN_URLS = []
        assert "There is no relay" in diagnose(call, "ice").hints[1]

    def test_its_people_read_how_long_it_was(self, call: Call, people: SimpleNamespace) -> None:
        assert history.recents(people.ben).entries[0].words == "Video call, 12 min"
        Call.objects.update(route="")
        assert history.recents(people.ben).entries[0].words == "Video call, could not connect"

    def test_only_then_did_they_talk(self, call: Call) -> None:
        assert overview.of(7).talked == timedelta(minutes=12)
        Call.objects.update(route="")
        assert overview.of(7).talked == timedelta()
        Call.objects.update(end_reason="completed")
        assert overview.of(7).talked == timedelta(minutes=12)


def test_what_did_not_fail_has_none(call: Call) -> None:
    for reason in ("completed", "missed", "declined", "cancelled", "busy", "unavailable", "revoked"):
        call.end_reason = reason
        assert diagnosis.of(call, list(call.legs.all()), []) is None


def test_a_lost_side_is_named(call: Call) -> None:
    call.end_reason = "lost"
    call.legs.filter(role="callee").update(state="lost")
    found = diagnosis.of(call, list(call.legs.select_related("user")), [])
    assert found is not None and "Ben" in found.means and "30 s" in found.means


@pytest.fixture
def office(server: Server, people: SimpleNamespace) -> Browser:
    browser = Browser()
    browser.force_login(make_person("boss", is_staff=True, is_superuser=True))
    return browser


def test_the_page_shows_devices_why_and_the_curve(office: Browser, call: Call) -> None:
    caller = call.legs.get(role="caller")
    JournalEntry.objects.create(
        call=call, leg=caller, rev=1, at=call.placed_at, event="place", after="joined", by="person",
        client="Firefox on Linux", device="secret-device-id",
    )  # fmt: skip
    LegQuality.objects.create(leg=caller, call=call, placed_at=call.placed_at, mos=3.9, quality="fair", route="relay")
    row = [0, 120.0, 9.0, 0.05, 0.06, 0, 800, 700, 640, 480, 24, "relay", "host", 0]
    QualityReport.objects.create(leg=caller, epoch=1, number=1, at=call.placed_at, samples=[row, [5.0, *row[1:]]])
    page = office.get(f"/admin/calls/call/{call.pk}/change/").content.decode()
    for text in (
        "Why it failed",
        "No network path",
        "Firefox on Linux",
        "relay – host",
        "640 × 480",
        "120.0",
        "not measured",
    ):
        assert text in page, text
    assert page.count('class="chart__path chart__path--mos"') == 1
    assert "secret-device-id" not in page


def test_the_page_of_a_call_without_a_fault_has_no_such_card(office: Browser, call: Call) -> None:
    Call.objects.update(end_reason="completed")
    assert "Why it failed" not in office.get(f"/admin/calls/call/{call.pk}/change/").content.decode()
