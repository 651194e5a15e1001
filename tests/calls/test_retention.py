"""What is forgotten, and when: each kind of thing on both sides of its boundary."""

from datetime import datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from accounts import invitations
from accounts.models import Invitation
from calls import chores, clock, history, links, retention
from calls.models import Call, Chore, Guest, GuestMessage, JournalEntry, Leg, LegQuality, Link, QualityReport
from tests.support.server import Server
from tests.support.wait import until

DAYS = {"CALLS": 365, "QUALITY": 90, "GUEST_NAMES": 30, "LINKS": 60}


@pytest.fixture(autouse=True)
def kept(settings: Any) -> None:
    for name, days in DAYS.items():
        setattr(settings, f"EARSHOT_KEEP_{name}_DAYS", days)


def ago(days: float) -> datetime:
    return clock.now() - timedelta(days=days)


def call_at(at: datetime, people: SimpleNamespace, guest: Guest | None = None, *, live: bool = False) -> Call:
    """A call with all that hangs on one."""
    call = Call.objects.create(
        id=uuid4(), kind="voice", state="active" if live else "ended", placed_at=at, ring_expires_at=at,
        answered_at=at, ended_at=None if live else at, end_reason="" if live else "completed",
    )  # fmt: skip
    state = "joined" if live else "left"
    caller = Leg.objects.create(
        call=call, role="caller", state=state, joined_at=at, guest=guest, user=None if guest else people.ben,
        lease_expires_at=clock.now() + timedelta(hours=1) if live else None,
    )  # fmt: skip
    Leg.objects.create(
        call=call, role="callee", state=state, joined_at=at, user=people.ana,
        lease_expires_at=clock.now() + timedelta(hours=1) if live else None,
    )  # fmt: skip
    JournalEntry.objects.create(call=call, leg=caller, rev=1, at=at, event="place", after="joined", by="person")
    LegQuality.objects.create(leg=caller, call=call, placed_at=at)
    QualityReport.objects.create(leg=caller, epoch=1, number=1, at=at, samples=[])
    return call


def test_calls_go_with_all_that_hangs_on_them(people: SimpleNamespace) -> None:
    old, new = call_at(ago(365.01), people), call_at(ago(364.99), people)
    assert retention.apply()["calls"] == 1
    for model in (Leg, JournalEntry):
        assert set(model.objects.values_list("call", flat=True)) == {new.pk}
    assert not Call.objects.filter(pk=old.pk).exists()


def test_a_live_call_never_goes(people: SimpleNamespace) -> None:
    call = call_at(ago(400), people, live=True)
    retention.apply()
    assert Call.objects.filter(pk=call.pk).exists()


def test_quality_goes_before_the_call(people: SimpleNamespace) -> None:
    call_at(ago(90.01), people)
    new = call_at(ago(89.99), people)
    assert retention.apply()["quality data"] == 2
    assert Call.objects.count() == 2
    assert LegQuality.objects.get().call == new
    assert QualityReport.objects.get().leg.call == new


class TestGuests:
    def make(self, people: SimpleNamespace, days: float) -> Guest:
        link = links.make(people.ana, title="Interview")
        guest = Guest.objects.create(link=link, name="Gwen Okoye", line="About the flat", entered_at=ago(days))
        GuestMessage.objects.create(guest=guest, text="It is Gwen.", left_at=ago(days))
        return guest

    def test_names_and_messages_go_and_the_call_stays(self, people: SimpleNamespace) -> None:
        guest = self.make(people, 30.01)
        call_at(ago(30.01), people, guest)
        assert retention.apply()["guests' names and messages"] == 2
        guest.refresh_from_db()
        assert (guest.name, guest.line) == ("Guest", "")
        assert not GuestMessage.objects.exists()
        assert Leg.objects.filter(guest=guest).exists()
        assert retention.apply()["guests' names and messages"] == 0

    def test_not_before_their_time(self, people: SimpleNamespace) -> None:
        guest = self.make(people, 29.99)
        retention.apply()
        guest.refresh_from_db()
        assert guest.name == "Gwen Okoye"

    def test_somebody_who_came_back_is_known_still(self, people: SimpleNamespace) -> None:
        guest = self.make(people, 40)
        call_at(ago(10), people, guest)
        retention.apply()
        guest.refresh_from_db()
        assert guest.name == "Gwen Okoye"


class TestLinks:
    def test_dead_ones_go_and_others_stay(self, people: SimpleNamespace) -> None:
        good = links.make(people.ana, title="good")
        for name, facts in {
            "expired long ago": {"valid_until": ago(60.01)},
            "expired lately": {"valid_until": ago(59.99)},
            "revoked long ago": {"revoked_at": ago(60.01), "valid_until": None},
            "revoked lately": {"revoked_at": ago(59.99), "valid_until": None},
        }.items():
            Link.objects.filter(pk=links.make(people.ana, title=name).pk).update(**facts)
        old = Invitation.objects.create(number="n1", made_by=people.ana, expires_at=ago(61))
        new = invitations.make(people.ana, "x@example.org", timedelta(days=7))
        assert retention.apply()["dead links and invitations"] == 3
        assert set(Link.objects.values_list("title", flat=True)) == {good.title, "expired lately", "revoked lately"}
        assert set(Invitation.objects.all()) == {new} and old not in Invitation.objects.all()

    def make(self, people: SimpleNamespace) -> Guest:
        """A guest of a link that is long dead, with a passcode."""
        link = links.make(people.ana, title="Flat in Elm Street", passcode="elm")
        Link.objects.filter(pk=link.pk).update(valid_until=ago(61))
        return Guest.objects.create(link=link, name="Gwen", line="About the flat", entered_at=ago(70))

    def applied(self) -> int:
        """What a dry run says, and the real one does."""
        counts = [retention.apply(dry=dry)["dead links and invitations"] for dry in (True, False)]
        assert counts[0] == counts[1]
        return counts[0]

    def forgotten(self) -> bool:
        return Link.objects.filter(title="", passcode="").exists()

    def test_one_that_a_call_needs_stays_without_its_words(self, people: SimpleNamespace, settings: Any) -> None:
        settings.EARSHOT_KEEP_GUEST_NAMES_DAYS = 0
        guest = self.make(people)
        call = call_at(ago(70), people, guest)
        assert self.applied() == 1
        assert self.forgotten()
        (entry,) = history.recents(people.ana).entries
        assert (entry.call, entry.is_guest, entry.person) == (call.pk, True, guest)
        assert call.legs.get(role="caller").guest.line == "About the flat"
        assert self.applied() == 0
        Call.objects.all().update(placed_at=ago(366), ended_at=ago(366))
        retention.apply()
        assert not Link.objects.exists()

    def test_one_with_a_message_stays_without_its_words(self, people: SimpleNamespace, settings: Any) -> None:
        settings.EARSHOT_KEEP_GUEST_NAMES_DAYS = 0
        GuestMessage.objects.create(guest=self.make(people), text="It is Gwen.", left_at=ago(70))
        assert self.applied() == 1
        assert self.forgotten()
        assert GuestMessage.objects.exists()
        assert self.applied() == 0
        GuestMessage.objects.all().delete()
        assert self.applied() == 1
        assert not Link.objects.exists()

    def test_one_whose_guests_never_called_goes_with_them(self, people: SimpleNamespace) -> None:
        self.make(people)
        assert self.applied() == 1
        assert not (Link.objects.exists() or Guest.objects.exists())

    def test_not_under_a_call_that_goes_on(self, people: SimpleNamespace) -> None:
        link = links.make(people.ana, title="good")
        guest = Guest.objects.create(link=link, name="Gwen", entered_at=ago(1))
        call_at(ago(0.1), people, guest, live=True)
        Link.objects.update(valid_until=ago(61))
        retention.apply()
        assert Link.objects.exists()


def test_nought_days_keep_for_good(people: SimpleNamespace, settings: Any) -> None:
    for name in DAYS:
        setattr(settings, f"EARSHOT_KEEP_{name}_DAYS", 0)
    call_at(ago(5000), people)
    assert set(retention.apply().values()) == {0}
    assert LegQuality.objects.exists()


def test_more_than_a_batch(people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        call_at(ago(400), people)
    assert retention.apply()["calls"] == 5
    assert not Call.objects.exists()


def test_the_command_says_what_it_does(people: SimpleNamespace) -> None:
    call_at(ago(400), people)
    out = StringIO()
    call_command("apply_retention", "--dry-run", stdout=out)
    assert "calls: 1 would be forgotten (kept 365 days, EARSHOT_KEEP_CALLS_DAYS)" in out.getvalue()
    assert Call.objects.exists()
    call_command("apply_retention", stdout=out)
    assert "calls: 1 forgotten" in out.getvalue()
    assert not Call.objects.exists()


class TestChores:
    def test_of_two_who_ask_one_is_told_to_do_it(self, people: SimpleNamespace) -> None:
        now = clock.now()
        claims = [Chore.objects.claim("sweep", timedelta(hours=1), now) for _ in range(2)]
        assert claims == [True, False]
        assert not Chore.objects.claim("sweep", timedelta(hours=1), now + timedelta(minutes=59))
        assert Chore.objects.claim("sweep", timedelta(hours=1), now + timedelta(hours=1))

    def test_the_daily_run_forgets(self, people: SimpleNamespace) -> None:
        call_at(ago(400), people)
        chores.do_due()
        assert not Call.objects.exists()
        call_at(ago(400), people)
        chores.do_due()
        assert Call.objects.exists()  # not again today

    @pytest.mark.slow
    def test_a_server_does_them_by_itself(self, people: SimpleNamespace) -> None:
        call_at(ago(400), people)
        server = Server(EARSHOT_CHORES_SECONDS=0.5).start()
        try:
            until(lambda: not Call.objects.exists(), "the old call's end")
        finally:
            server.kill()

    def test_one_that_fails_keeps_no_other_from_being_done(
        self, people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise RuntimeError("no disk")

        done: list[str] = []
        each = timedelta(days=1)
        monkeypatch.setattr(chores, "CHORES", {"a": (each, fail), "b": (each, lambda: done.append("b"))})
        chores.do_due()
        assert done == ["b"]
