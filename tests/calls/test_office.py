"""What an admin sees of the moment and does about it: each act asked first, logged, and told to whom it concerns."""

import re
import urllib.error
from types import SimpleNamespace

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from accounts.models import User
from calls.models import Call, JournalEntry
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.pages import get, submit
from tests.support.people import make_person, session_of
from tests.support.server import Server
from tests.support.wait import until

NOW = "/admin/calls/call/now/"
OVERVIEW = "/admin/calls/call/overview/"


@pytest.fixture
def boss(people: SimpleNamespace) -> User:
    return make_person("boss", name="Bea Boss", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(boss: User) -> str:
    """The admin's session."""
    return session_of(boss)


def said(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def status_of(server: Server, path: str, session: str | None) -> int:
    try:
        return get(server, path, session)[0]
    except urllib.error.HTTPError as error:
        return error.code


class TestNow:
    def test_shows_live_calls_and_who_is_on_line(
        self, server: Server, desk: str, ana: Client, ben: Client, active: str
    ) -> None:
        page = said(get(server, NOW, desk)[2])
        assert "1 call " in page
        assert "Ana Ben video active" in page
        until(lambda: "Ana @ana in a call" in said(get(server, NOW, desk)[2]), "presence from the steward")
        assert "2 people on line" in page
        assert "Chen" not in page

    def test_says_so_when_nothing_goes_on(self, server: Server, desk: str) -> None:
        page = said(get(server, NOW, desk)[2])
        assert "Nobody is in a call." in page

    def test_a_call_that_ended_is_gone(self, server: Server, desk: str, ana: Client, ben: Client, active: str) -> None:
        ana.command("call.hang_up", call=active)
        ben.until_call(active, "ended")
        assert "Nobody is in a call." in said(get(server, NOW, desk)[2])


class TestEndingACall:
    def test_asks_first(self, server: Server, desk: str, ana: Client, active: str) -> None:
        page = said(get(server, f"/admin/calls/call/{active}/end/", desk)[2])
        assert "Ana and Ben are told that an admin ended it." in page
        ana.settle()
        assert ana.calls[active]["state"] == "active"

    def test_its_people_are_told_that_an_admin_did_and_it_is_logged(
        self, server: Server, desk: str, boss: User, ana: Client, ben: Client, active: str
    ) -> None:
        _, _, page = submit(server, f"/admin/calls/call/{active}/end/", desk)
        assert "Nobody is in a call." in said(page)
        for client in (ana, ben):
            snapshot = client.until_call(active, "ended")
            assert (snapshot["end_reason"], snapshot["by_admin"]) == ("revoked", True)
        entry = JournalEntry.objects.get(event="force_end")
        assert (entry.by, entry.actor) == ("admin", boss)
        assert Call.objects.get().ended_by == "admin"
        assert LogEntry.objects.get(user=boss).change_message == "Ended it"

    def test_one_that_rings_can_be_ended_too(
        self, server: Server, desk: str, ana: Client, ben: Client, ringing: str
    ) -> None:
        submit(server, f"/admin/calls/call/{ringing}/end/", desk)
        assert ben.until_call(ringing, "ended")["end_reason"] == "revoked"

    def test_one_that_is_over_is_left_as_it_is(
        self, server: Server, desk: str, ana: Client, ben: Client, active: str
    ) -> None:
        ana.command("call.hang_up", call=active)
        ben.until_call(active, "ended")
        submit(server, f"/admin/calls/call/{active}/end/", desk)
        assert Call.objects.get().end_reason == "completed"
        assert not LogEntry.objects.exists()

    def test_of_other_ends_nobody_is_told_who(
        self, ana: Client, ben: Client, active: str, people: SimpleNamespace
    ) -> None:
        people.ana.is_active = False
        people.ana.save()
        assert "by_admin" not in ben.until_call(active, "ended")


class TestPeople:
    def test_signing_out_everywhere_ends_every_session_and_call(
        self, server: Server, desk: str, boss: User, people: SimpleNamespace, connect: Connect, ben: Client
    ) -> None:
        sessions = [session_of(people.ana), session_of(people.ana)]
        one, other = (connect(server, people.ana, session=session) for session in sessions)
        call = one.place(people.ben.pk)
        ben.command("call.accept", call=call)
        one.until_call(call, "active")
        page = said(get(server, f"/admin/accounts/user/{people.ana.pk}/sign-out/", desk)[2])
        assert "Every browser of theirs is signed out" in page
        submit(server, f"/admin/accounts/user/{people.ana.pk}/sign-out/", desk)
        assert one.until_closed() == other.until_closed() == 4500
        assert ben.until_call(call, "ended")["end_reason"] == "revoked"
        for session in sessions:
            assert "Sign in" in get(server, "/calls/", session)[2]
        note = LogEntry.objects.get(user=boss)
        assert (note.object_id, note.change_message) == (str(people.ana.pk), "Signed out everywhere")
        people.ana.refresh_from_db()
        connect(server, people.ana).settle()  # they may sign in again at once

    def test_closing_an_account_ends_calls_and_is_logged(
        self, server: Server, desk: str, boss: User, people: SimpleNamespace, ana: Client, ben: Client, active: str
    ) -> None:
        submit(server, f"/admin/accounts/user/{people.ana.pk}/close/", desk)
        assert ana.until_closed() == 4500
        assert ben.until_call(active, "ended")["end_reason"] == "revoked"
        people.ana.refresh_from_db()
        assert not people.ana.is_active
        assert LogEntry.objects.get(user=boss).change_message == "Closed the account"

    def test_nobody_closes_their_own(self, server: Server, desk: str, boss: User) -> None:
        submit_quietly(server, f"/admin/accounts/user/{boss.pk}/close/", desk)
        boss.refresh_from_db()
        assert boss.is_active


def submit_quietly(server: Server, path: str, session: str) -> None:
    """Some pages answer without asking: then there is no form to fill."""
    try:
        submit(server, path, session)
    except AssertionError:
        pass


class TestWhoMay:
    def paths(self, call: str, person: User) -> list[str]:
        return [
            NOW,
            OVERVIEW,
            "/admin/calls/call/",
            f"/admin/calls/call/{call}/change/",
            f"/admin/calls/call/{call}/end/",
            f"/admin/accounts/user/{person.pk}/sign-out/",
            f"/admin/accounts/user/{person.pk}/close/",
            f"/admin/accounts/user/{person.pk}/erase/",
            f"/admin/calls/call/people/{person.pk}/everything.json",
            "/admin/calls/call/export.csv",
        ]

    def test_strangers_members_and_guests_get_the_sign_in_page_or_nothing(
        self, server: Server, people: SimpleNamespace, active: str
    ) -> None:
        for path in self.paths(active, people.ana):
            assert "Sign in" in get(server, path)[2], path
            assert status_of(server, path, session_of(people.ana)) == 403, path

    def test_an_admin_without_the_rights_sees_and_does_nothing(
        self, server: Server, people: SimpleNamespace, ana: Client, active: str
    ) -> None:
        clerk = make_person("clerk", is_staff=True)
        for path in self.paths(active, people.ana):
            assert status_of(server, path, session_of(clerk)) == 403, path
        ana.settle()
        assert ana.calls[active]["state"] == "active"

    def test_the_right_to_look_is_not_the_right_to_end(
        self, server: Server, people: SimpleNamespace, active: str
    ) -> None:
        clerk = make_person("clerk", is_staff=True)
        clerk.user_permissions.add(Permission.objects.get(codename="view_call"))
        page = get(server, NOW, session_of(clerk))[2]
        assert f"/admin/calls/call/{active}/change/" in page
        assert f"/admin/calls/call/{active}/end/" not in page
        assert status_of(server, f"/admin/calls/call/{active}/end/", session_of(clerk)) == 403

    def test_a_call_that_there_is_none_of(self, server: Server, desk: str) -> None:
        for path in (
            "/admin/calls/call/00000000-0000-4000-8000-000000000000/end/",
            f"/admin/accounts/user/{'0' * 8}-0000-4000-8000-{'0' * 12}/close/",
        ):
            assert status_of(server, path, desk) == 404
