"""Erasing a person leaves nothing of them in any table; and everything that is held on them can be had before."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from accounts import addresses, contacts, erasure, invitations
from accounts.models import Invitation, User
from calls import clock, history, links, missed_mail, personal_data
from calls.models import Call, Guest, GuestMessage, JournalEntry, Leg, LegQuality, QualityReport
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.people import make_person, session_of
from tests.support.server import Server

NAME, HANDLE, EMAIL = "Zelda Brontë", "zelda.q", "zelda.q@example.org"
SAMPLE = {"ago_ms": 0, "round_trip_ms": 40.0, "loss": 0.0, "local": "host", "remote": "host"}


@pytest.fixture
def zelda(people: SimpleNamespace) -> User:
    person = make_person(HANDLE, name=NAME)
    addresses.record(person, verified=True)
    return person


@pytest.fixture
def boss(people: SimpleNamespace) -> User:
    return make_person("boss", name="Bea Boss", is_staff=True, is_superuser=True)


@pytest.fixture
def lived(server: Server, people: SimpleNamespace, zelda: User, boss: User, connect: Connect, ben: Client) -> str:
    """Zelda has used everything there is. The id of a call of hers with Ben."""
    contacts.set_favourite(zelda, people.ben, True)
    contacts.set_favourite(people.ben, zelda, True)
    contacts.set_block(zelda, people.sam, True)
    contacts.set_block(people.sam, zelda, True)
    missed_mail.set_wanted(zelda, True)
    made = invitations.make(zelda, "friend@example.org", timedelta(days=1))
    hers = invitations.make(boss, EMAIL, timedelta(days=1))
    Invitation.objects.filter(pk=hers.pk).update(used_by=zelda, used_at=clock.now())
    assert made.pk != hers.pk
    guest = Guest.objects.create(link=links.make(zelda, title="Ask Zelda"), name="Gwen", entered_at=clock.now())
    GuestMessage.objects.create(guest=guest, text=f"Dear {NAME}", left_at=clock.now())
    types = ContentType.objects.get_for_model(User)
    for admin, text in (
        (boss, "Closed the account"),
        (boss, f"Exported as csv: person={HANDLE}&q={NAME}"),
        (boss, f"Exported as csv: {urlencode({'person': f'@{HANDLE}', 'q': NAME})}"),
        (boss, f"Exported as csv: q={quote(NAME)}"),
        (boss, json.dumps([{"changed": {"name": "link", "object": f"Ask {NAME}", "fields": ["Name"]}}])),
        (zelda, "Looked at"),
    ):
        LogEntry.objects.create(
            user=admin,
            content_type=types,
            object_id=str(zelda.pk),
            object_repr=NAME,
            action_flag=2,
            change_message=text,
        )
    LogEntry.objects.create(
        user=boss, content_type=types, action_flag=2, object_repr="Call log", change_message=f"person=@{HANDLE}"
    )
    browser = Browser()
    browser.force_login(boss)
    browser.get("/admin/calls/call/export.csv", {"q": NAME})
    phone = connect(server, zelda, user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
    call = phone.place(people.ben.pk)
    ben.command("call.accept", call=call)
    phone.until_call(call, "active")
    for client in (phone, ben):
        client.command("call.quality", call=call, epoch=1, number=1, samples=[SAMPLE])
    phone.command("call.hang_up", call=call)
    ben.until_call(call, "ended")
    missed = phone.place(people.chen.pk)
    phone.until_call(missed, "ended")
    phone.close()
    return call


def cells() -> Iterator[tuple[str, str, str]]:
    """(table, column, text) of every value in the database; sessions opened."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    yield table, column, str(value).lower()
    for session in Session.objects.all():
        yield "django_session", "opened", str(session.get_decoded()).lower()


def traces(person: User) -> set[tuple[str, str]]:
    """Where in the database anything of this person stands."""
    name = (NAME, "Zelda", "Brontë")
    encoded = [write(each).lower() for each in name for write in (str, quote, lambda text: json.dumps(text)[1:-1])]
    wanted = [*encoded, HANDLE, quote(EMAIL), EMAIL, str(person.pk), person.pk.hex]
    return {(table, column) for table, column, text in cells() if any(each in text for each in wanted)}


def test_nothing_is_left_in_any_table(lived: str, zelda: User) -> None:
    before = traces(zelda)
    assert {table for table, _column in before} >= {
        "accounts_user", "accounts_favourite", "accounts_block", "accounts_invitation", "account_emailaddress",
        "calls_leg", "calls_journalentry", "calls_link", "calls_guestmessage", "calls_missedmail",
        "django_admin_log", "django_session",
    }  # fmt: skip
    copy = User(pk=zelda.pk)
    erasure.erase(zelda)
    assert traces(copy) == set()


def test_the_others_keep_their_record_without_the_name(
    lived: str, zelda: User, people: SimpleNamespace, ben: Client
) -> None:
    erasure.erase(zelda)
    (entry,) = history.recents(people.ben).entries
    assert (str(entry.call), entry.person) == (lived, None)
    assert Call.objects.count() == 2
    assert LegQuality.objects.get().leg.user == people.ben
    assert QualityReport.objects.get().leg.user == people.ben
    assert not JournalEntry.objects.filter(leg__user=None).exclude(client="").exists()
    assert not Leg.objects.filter(user=None).exclude(device="").exists()


def test_the_pages_of_those_calls_open_still(
    server: Server, lived: str, zelda: User, boss: User, people: SimpleNamespace
) -> None:
    erasure.erase(zelda)
    browser = Browser()
    browser.force_login(people.ben)
    for path in (reverse("recents"), reverse("call", args=[lived])):
        assert "Somebody who is no longer here" in browser.get(path).content.decode()
    browser.force_login(boss)
    for path in (f"/admin/calls/call/{lived}/change/", "/admin/calls/call/", "/admin/calls/call/now/"):
        assert browser.get(path).status_code == 200


def test_a_call_that_goes_on_ends(
    server: Server, zelda: User, people: SimpleNamespace, connect: Connect, ben: Client
) -> None:
    phone = connect(server, zelda)
    call = phone.place(people.ben.pk)
    ben.command("call.accept", call=call)
    phone.until_call(call, "active")
    erasure.erase(zelda)
    assert ben.until_call(call, "ended")["end_reason"] == "revoked"
    assert phone.until_closed() == 4500


class TestByAnAdmin:
    @pytest.fixture
    def office(self, server: Server, boss: User) -> Browser:
        browser = Browser()
        browser.force_login(boss)
        return browser

    def test_asks_first_and_notes_no_name(self, office: Browser, boss: User, lived: str, zelda: User) -> None:
        url = reverse("admin:accounts_user_erase", args=[zelda.pk])
        assert "Erase for good?" in office.get(url).content.decode()
        assert User.objects.filter(pk=zelda.pk).exists()
        office.post(url, follow=True)  # the page after it says the name, once, to the admin
        assert not User.objects.filter(pk=zelda.pk).exists()
        assert traces(User(pk=zelda.pk)) == set()
        assert LogEntry.objects.filter(user=boss, change_message="Erased a person").count() == 1

    def test_not_oneself(self, office: Browser, boss: User) -> None:
        office.post(reverse("admin:accounts_user_erase", args=[boss.pk]))
        assert User.objects.filter(pk=boss.pk).exists()

    def test_djangos_own_deleting_is_closed(self, office: Browser, zelda: User) -> None:
        assert office.post(reverse("admin:accounts_user_delete", args=[zelda.pk]), {"post": "yes"}).status_code == 403
        assert User.objects.filter(pk=zelda.pk).exists()

    def test_needs_the_right_to_delete_people(self, server: Server, zelda: User) -> None:
        clerk = make_person("clerk", is_staff=True)
        browser = Browser()
        browser.force_login(clerk)
        url = reverse("admin:accounts_user_erase", args=[zelda.pk])
        assert (browser.get(url).status_code, browser.post(url).status_code) == (403, 403)
        assert User.objects.filter(pk=zelda.pk).exists()


class TestEverythingHeld:
    def test_a_person_has_their_own(self, server: Server, lived: str, zelda: User) -> None:
        browser = Browser()
        browser.force_login(zelda)
        held = json.loads(browser.get(reverse("personal-data")).content)
        assert (held["account"]["name"], held["account"]["email"]) == (NAME, EMAIL)
        assert [call["with"] for call in held["calls"]] == [["Chen"], ["Ben"]]
        assert held["calls"][1]["quality"]["quality"] == "good"
        assert held["calls"][1]["journal"][0]["client"] == "Firefox on Linux"
        sample = dict(zip(held["columns_of_samples"], held["calls"][1]["samples"][0], strict=True))
        assert (sample["round_trip_ms"], sample["local"]) == (40.0, "host")
        assert held["links"][0]["messages"][0]["text"] == f"Dear {NAME}"
        assert (held["favourites"], held["blocked"][0]["person__handle"]) == (["ben"], "sam")
        assert held["mail_about_missed_calls"] is True
        assert len(held["invitations"]) == 2 and held["email_addresses"][0]["email"] == EMAIL
        assert "Looked at" in {entry["change_message"] for entry in held["admin_log"]}

    def test_the_admins_log_names_nobody_else(
        self, lived: str, zelda: User, boss: User, people: SimpleNamespace
    ) -> None:
        LogEntry.objects.create(
            user=zelda,
            content_type=ContentType.objects.get_for_model(User),
            object_id=str(people.sam.pk),
            object_repr=people.sam.name,
            action_flag=2,
            change_message=f"Exported as csv: q={people.sam.name}",
        )
        held = personal_data.held_on(zelda)
        text = str([held["admin_log"], held["own_acts_as_admin"]])
        assert NAME in text
        assert [entry["content_type__model"] for entry in held["own_acts_as_admin"]] == ["user"]
        for other in (people.sam, boss):
            assert not any(each in text for each in (other.name, other.handle, str(other.pk)))

    def test_no_secret_is_in_it(self, lived: str, zelda: User) -> None:
        zelda.set_password("copper kettle on monday")
        zelda.save()
        text = str(personal_data.held_on(zelda))
        assert zelda.password not in text
        for link in zelda.links.all():
            assert link.number not in text

    def test_a_call_that_a_block_hides_is_not_in_it(self, lived: str, zelda: User) -> None:
        Leg.objects.filter(user=zelda).update(hidden=True)
        assert personal_data.held_on(zelda)["calls"] == []

    def test_every_table_that_names_a_person_is_in_it(self) -> None:
        """A new relation to a person must be exported and erased: say here that it is."""
        named = {
            f"{relation.related_model._meta.label}.{relation.field.name}"
            for relation in User._meta.get_fields(include_hidden=True)
            if relation.auto_created and not relation.concrete and relation.related_model is not None
        }
        assert named == {
            "account.EmailAddress.user", "accounts.Block.owner", "accounts.Block.person", "accounts.Favourite.owner",
            "accounts.Favourite.person", "accounts.Invitation.made_by", "accounts.Invitation.used_by",
            "accounts.User_groups.user", "accounts.User_user_permissions.user", "admin.LogEntry.user",
            "calls.JournalEntry.actor", "calls.Leg.user", "calls.Link.owner", "calls.MissedMail.user",
            "mfa.Authenticator.user",
        }  # fmt: skip

    def test_an_admin_may_take_it_for_them_and_that_is_logged(
        self, server: Server, boss: User, lived: str, zelda: User
    ) -> None:
        browser = Browser()
        browser.force_login(boss)
        held = json.loads(browser.get(f"/admin/calls/call/people/{zelda.pk}/everything.json").content)
        assert held["account"]["handle"] == HANDLE
        assert LogEntry.objects.filter(user=boss, change_message__contains="Exported what is held").exists()

    def test_is_nobody_elses(self, server: Server, lived: str, zelda: User, people: SimpleNamespace) -> None:
        browser = Browser()
        assert browser.get(reverse("personal-data")).status_code == 302
        browser.force_login(people.ben)
        assert json.loads(browser.get(reverse("personal-data")).content)["account"]["handle"] == "ben"
        assert browser.get(f"/admin/calls/call/people/{zelda.pk}/everything.json").status_code in (302, 403)


class TestCommands:
    def test_export_and_erase(self, lived: str, zelda: User) -> None:
        out = StringIO()
        call_command("export_person", f"@{HANDLE.upper()}", stdout=out)
        assert json.loads(out.getvalue())["account"]["name"] == NAME
        call_command("erase_person", HANDLE, "--yes", stdout=StringIO())
        assert traces(User(pk=zelda.pk)) == set()

    def test_they_ask(self, zelda: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("builtins.input", lambda _question: "no")
        with pytest.raises(CommandError, match="Nothing is erased"):
            call_command("erase_person", HANDLE)
        assert User.objects.filter(pk=zelda.pk).exists()

    @pytest.mark.parametrize("command", ["export_person", "erase_person"])
    def test_an_unknown_handle(self, people: SimpleNamespace, command: str) -> None:
        with pytest.raises(CommandError, match="Nobody has the handle"):
            call_command(command, "nobody")


def test_a_persons_sessions_are_found_among_many(zelda: User, people: SimpleNamespace) -> None:
    kept: list[Any] = [session_of(people.ben), session_of(people.chen)]
    session_of(zelda), session_of(zelda)
    erasure.erase(zelda)
    assert set(Session.objects.values_list("session_key", flat=True)) == set(kept)
