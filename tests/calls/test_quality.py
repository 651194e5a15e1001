"""What pages report of their connections: who may, that a repeat changes nothing, and what becomes of it."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser

from calls import history, quality, quality_reports, timeline
from calls.core.protocol import QualityReport as Report
from calls.core.quality import REPORTS_MAX, Sample
from calls.core.vocabulary import CandidateType, Quality, Route
from calls.models import Call, JournalEntry, Leg, LegQuality, QualityReport
from tests.support.client import Client, Message

GOOD = {"ago_ms": 5000, "round_trip_ms": 40.0, "jitter_ms": 2.0, "loss": 0.0, "local": "host", "remote": "host"}
RELAYED = {**GOOD, "ago_ms": 0, "loss": 0.2, "remote": "relay", "width": 640, "height": 480, "reconnects": 1}


def report(who: Client, call: str, samples: list[dict[str, Any]], *, number: int = 1, epoch: int = 1) -> Message:
    return who.command("call.quality", call=call, epoch=epoch, number=number, samples=samples)


def summary(call: str, role: str = "caller") -> LegQuality:
    return LegQuality.objects.get(leg__call_id=call, leg__role=role)


def test_a_report_is_kept_and_summed_up(ana: Client, active: str) -> None:
    assert report(ana, active, [GOOD, RELAYED])["type"] == "ok"
    assert report(ana, active, [{"ago_ms": 0, "round_trip_ms": 70.0}], number=2)["type"] == "ok"
    found = summary(active)
    assert (found.round_trip_ms, found.loss, found.width, found.reconnects) == (pytest.approx(50), 0.1, 640, 1)
    assert (found.local, found.remote, found.route) == ("host", "relay", "relay")
    assert found.mos == pytest.approx((4.385 + 2.57) / 2, abs=0.01)
    assert (found.quality, found.reports) == ("fair", 2)


def test_the_curve_has_every_sample_when_it_was_taken(ana: Client, active: str) -> None:
    Leg.objects.filter(call=active).update(joined_at=Call.objects.get(pk=active).placed_at - timedelta(minutes=1))
    report(ana, active, [GOOD, RELAYED])
    points = quality.curve(Leg.objects.get(call=active, role="caller"))
    assert [point.sample.route for point in points] == [Route.DIRECT, Route.RELAY]
    assert (points[1].at - points[0].at).total_seconds() == pytest.approx(5)
    assert points[1].sample.remote is CandidateType.RELAY


def test_a_sample_is_never_from_before_its_leg(ana: Client, active: str) -> None:
    report(ana, active, [{**GOOD, "ago_ms": 600_000}])
    leg = Leg.objects.get(call=active, role="caller")
    assert [point.at for point in quality.curve(leg)] == [leg.joined_at]


def test_a_repeat_changes_nothing(ana: Client, active: str) -> None:
    report(ana, active, [GOOD])
    assert report(ana, active, [RELAYED])["type"] == "ok"
    assert (QualityReport.objects.count(), summary(active).reports, summary(active).route) == (1, 1, "direct")


def test_the_last_report_may_come_after_the_end(ana: Client, ben: Client, active: str) -> None:
    ana.command("call.hang_up", call=active)
    ben.until_call(active, "ended")
    assert report(ben, active, [GOOD])["type"] == "ok"
    assert summary(active, "callee").quality == "good"


def test_of_the_call_it_changes_only_the_two_words(ana: Client, active: str) -> None:
    before = Call.objects.values().get(pk=active)
    report(ana, active, [GOOD])
    assert Call.objects.values().get(pk=active) == {**before, "quality": "good", "route": "direct"}


class TestWhoMay:
    def test_a_stranger_learns_nothing(self, sam: Client, active: str) -> None:
        answer = report(sam, active, [GOOD])
        assert answer["code"] == report(sam, active.replace(active[0], "f"), [GOOD])["code"] == "no_such_call"

    def test_another_device_of_the_same_person_may_not(
        self, active: str, server: Any, people: SimpleNamespace, connect: Any
    ) -> None:
        assert report(connect(server, people.ana), active, [GOOD])["code"] == "not_allowed"

    def test_a_device_that_carried_it_before_may(
        self, ana: Client, active: str, server: Any, people: SimpleNamespace, connect: Any
    ) -> None:
        other = connect(server, people.ana)
        assert other.command("call.move", call=active)["type"] == "ok"
        assert report(ana, active, [GOOD])["type"] == "ok"

    def test_before_the_answer_there_is_nothing_to_report(self, ana: Client, ringing: str) -> None:
        assert report(ana, ringing, [GOOD])["code"] == "not_active"

    def test_an_epoch_that_is_not_yet(self, ana: Client, active: str) -> None:
        assert report(ana, active, [GOOD], epoch=2)["code"] == "not_allowed"


class TestOfAPageThatIsLeft:
    """What is posted beside the socket, which may close before it has sent."""

    def post(self, browser: Browser, device: str, **fields: Any) -> Any:
        message = {"type": "call.quality", "id": "q", "epoch": 1, "number": 1, "samples": [GOOD], **fields}
        body = json.dumps(message)
        return browser.post(f"/calls/quality/?device={device}", body, content_type="text/plain")

    def test_it_is_the_same_report_whichever_comes_first(
        self, ana: Client, active: str, people: SimpleNamespace, client: Browser
    ) -> None:
        client.force_login(people.ana)
        assert self.post(client, ana.device, call=active).status_code == 204
        assert report(ana, active, [RELAYED])["type"] == "ok"
        assert (QualityReport.objects.count(), summary(active).route) == (1, "direct")

    def test_it_is_checked_as_on_the_socket(
        self, ana: Client, active: str, people: SimpleNamespace, client: Browser
    ) -> None:
        assert self.post(client, ana.device, call=active).status_code == 403
        client.force_login(people.ana)
        for device, fields, code in (
            ("another", {}, "not_allowed"),
            (ana.device, {"epoch": 2}, "not_allowed"),
            (ana.device, {"call": str(uuid4())}, "no_such_call"),
            (ana.device, {"samples": []}, "bad_message"),
            (ana.device, {"type": "call.hang_up"}, "bad_message"),
        ):
            answer = self.post(client, device, **{"call": active, **fields})
            assert (answer.status_code, answer.json()["code"]) == (400, code)
        hang_up = json.dumps({"type": "call.hang_up", "id": "h", "call": active})
        assert client.post("/calls/quality/", hang_up, content_type="text/plain").json()["code"] == "bad_message"
        assert client.post("/calls/quality/", b"\xff", content_type="text/plain").json()["code"] == "bad_message"
        client.force_login(people.sam)
        assert self.post(client, ana.device, call=active).json()["code"] == "no_such_call"
        assert not QualityReport.objects.exists()

    def test_another_site_cannot_post_it(self, ana: Client, active: str, people: SimpleNamespace) -> None:
        browser = Browser(enforce_csrf_checks=True)
        browser.force_login(people.ana)
        assert self.post(browser, ana.device, call=active).status_code == 403
        assert not QualityReport.objects.exists()


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [GOOD] * 25,
        [{}],
        [{**GOOD, "loss": 1.01}],
        [{**GOOD, "round_trip_ms": -1}],
        [{**GOOD, "local": "carrier pigeon"}],
        [{**GOOD, "address": "192.0.2.1"}],
        [{**GOOD, "ago_ms": 600_001}],
    ],
)
def test_what_is_no_report_is_refused(ana: Client, active: str, samples: list[dict[str, Any]]) -> None:
    ana.send(
        {"type": "call.quality", "id": "q", "call": active, "epoch": 1, "number": 1, "samples": samples},
    )
    ana.until(lambda: [message for message in ana.heard("error") if message["code"] == "bad_message"])
    assert not LegQuality.objects.exists()


def test_a_leg_has_so_many_reports_and_no_more(people: SimpleNamespace, ana: Client, active: str) -> None:
    report(ana, active, [GOOD])
    LegQuality.objects.update(reports=REPORTS_MAX)
    samples = [Sample(ago_ms=0)]
    quality_reports.report(
        people.ana.pk, ana.device, Report(id="q", call=Call.objects.get().pk, epoch=1, number=2, samples=samples)
    )
    assert QualityReport.objects.count() == 1


def test_the_call_is_as_good_as_its_worse_side(ana: Client, ben: Client, active: str) -> None:
    report(ana, active, [GOOD])
    report(ben, active, [RELAYED])
    assert Call.objects.values_list("quality", "route").get() == (Quality.POOR, Route.RELAY)


def test_the_story_tells_of_devices_breaks_and_the_way(
    ana: Client, ben: Client, active: str, people: SimpleNamespace
) -> None:
    report(ben, active, [GOOD, RELAYED])
    ana.command("call.hang_up", call=active)
    ben.until_call(active, "ended")
    JournalEntry.objects.filter(event="accept").update(client="Firefox on Windows")
    pk = Call.objects.get().pk
    told = [step.words for step in timeline.of(pk, people.ben)]
    assert "You answered, with Firefox on Windows" in told
    assert "Your network changed or broke off, and the call went on" in told
    told = [step.words for step in timeline.of(pk, people.ana)]
    assert "Ben answered" in told  # what the other one uses is theirs
    assert "The network of Ben changed or broke off, and the call went on" in told
    entry = history.find(people.ana, pk)
    assert entry is not None
    assert history.connection(entry) == "Fair connection, through the relay"


def test_the_journal_knows_the_browser_and_the_system(
    server: Any, people: SimpleNamespace, connect: Any, ben: Client
) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
    ana = connect(server, people.ana, user_agent=agent)
    call = ana.place(people.ben.pk)
    clients = JournalEntry.objects.filter(call_id=call, event="place").order_by("id").values_list("client", flat=True)
    assert list(clients) == ["Firefox on Linux", ""]


def test_why_media_failed_is_kept_with_the_hanging_up(ana: Client, active: str) -> None:
    trace = {"local": ["host"], "remote": ["host", "srflx"], "errors": [701]}
    ana.command("call.hang_up", call=active, failure="ice", trace=trace)
    assert JournalEntry.objects.get(event="hang_up").trace == trace
    assert Call.objects.get().talked_seconds == 0
