"""People and recents as a running server shows them, to the people of a call, to a stranger, to nobody."""

import csv
import json
import re
import urllib.error
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts import contacts
from calls import history, history_export, links, switchboard
from calls.core.vocabulary import Kind
from calls.models import Call, Guest, Leg
from tests.support.client import Client
from tests.support.pages import ask, get
from tests.support.people import cookie_of, make_person, session_of
from tests.support.server import Server

Read = Callable[..., str]


@pytest.fixture
def read(server: Server) -> Read:
    def page(path: str, user: object = None) -> str:
        return get(server, path, session_of(user) if user else None)[2]

    return page


def rows(page: str) -> list[str]:
    """The text of each entry of recents, newest first, from its initials to its time."""
    found = re.findall(r'<li class="person recent[^"]*".*?</li>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


def calls_on(page: str) -> set[str]:
    return set(re.findall(r'href="/calls/([0-9a-f-]{36})/"', page))


def missed_call(caller: object, callee: object) -> Call:
    actor = switchboard.Actor(caller.pk, "device-of-the-caller", uuid4().hex)
    return Call.objects.get(pk=switchboard.place(actor, uuid4(), callee.pk, Kind.VIDEO))


class TestRecents:
    def test_a_missed_call_is_marked_and_counted_until_it_is_seen(
        self, server: Server, people: SimpleNamespace, ana: Client, ben: Client, ringing: str, read: Read
    ) -> None:
        ana.command("call.hang_up", call=ringing)
        ben.until_call(ringing, "ended")
        page = read("/calls/", people.ben)
        assert "recent--missed recent--unseen" in page
        assert 'data-count="1"' in page
        assert rows(page)[0].startswith("A Ana Incoming, Missed video call")
        history.mark_seen(people.ben)
        page = read("/calls/", people.ben)
        assert 'data-count="0"' in page
        assert "recent--unseen" not in page
        assert "recent--missed" in page

    def test_each_side_sees_its_own_direction_and_the_length(
        self, people: SimpleNamespace, ana: Client, ben: Client, active: str, read: Read
    ) -> None:
        ana.command("call.hang_up", call=active)
        ben.until_call(active, "ended")
        answered = Call.objects.get(pk=active).answered_at
        Call.objects.filter(pk=active).update(ended_at=answered + timedelta(minutes=3))
        assert rows(read("/calls/", people.ana))[0].startswith("B Ben Outgoing, Video call, 3 min")
        assert rows(read("/calls/", people.ben))[0].startswith("A Ana Incoming, Video call, 3 min")

    def test_a_stranger_sees_nothing_of_it(self, people: SimpleNamespace, active: str, read: Read) -> None:
        page = read("/calls/", people.sam)
        assert rows(page) == []
        assert active not in page
        assert "No calls yet" in page

    @pytest.mark.parametrize("path", ["/", "/calls/", "/people/ana/", "/settings/", "/admin/calls/call/"])
    def test_nobody_in_particular_is_sent_to_sign_in(self, people: SimpleNamespace, read: Read, path: str) -> None:
        assert 'name="password"' in read(path)

    def test_who_blocks_the_caller_never_hears_of_the_call(
        self, people: SimpleNamespace, ana: Client, read: Read
    ) -> None:
        contacts.set_block(people.ben, people.ana, True)
        call = ana.place(people.ben.pk)
        ana.command("call.hang_up", call=call)
        assert rows(read("/calls/", people.ben)) == []
        assert 'data-count="0"' in read("/", people.ben)
        assert len(rows(read("/calls/", people.ana))) == 1

    def test_a_closed_account_stays_by_name_and_cannot_be_called(
        self, people: SimpleNamespace, ana: Client, ben: Client, ringing: str, read: Read
    ) -> None:
        ana.command("call.hang_up", call=ringing)
        people.ben.is_active = False
        people.ben.save()
        page = read("/calls/", people.ana)
        assert rows(page)[0].startswith("B Ben Outgoing, Video call")
        assert "/people/ben/" not in page
        assert 'aria-label="Video call Ben"' not in page

    @pytest.mark.parametrize("before", ["yesterday", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "%00"])
    def test_a_moment_that_is_none_is_not_found(self, server: Server, people: SimpleNamespace, before: str) -> None:
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(server, f"/calls/?before={before}", session_of(people.ana))
        assert refused.value.code == 404

    def test_older_calls_follow_page_by_page(
        self, server: Server, people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, read: Read
    ) -> None:
        for _ in range(history.PAGE + 2):
            missed_call(people.ana, people.ben)
        first = read("/calls/", people.ben)
        older = re.search(r'href="(\?before=[^"]+)"', first)
        assert len(calls_on(first)) == history.PAGE
        second = read("/calls/" + older[1].replace("&amp;", "&"), people.ben)
        assert len(calls_on(second)) == 2
        assert not calls_on(first) & calls_on(second)
        assert "Older calls" not in read("/calls/?before=" + quote(now().isoformat()), people.sam)

    def test_many_calls_cost_no_more_queries_than_few(self, people: SimpleNamespace) -> None:
        def cost() -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert history.recents(people.ben).entries
            return len(queries)

        missed_call(people.ana, people.ben)
        few = cost()
        for handle in ("dana", "emil", "fay"):
            missed_call(make_person(handle), people.ben)
        assert cost() == few

    def test_calls_in_a_row_with_one_person_on_one_day_are_one_row(self, people: SimpleNamespace, read: Read) -> None:
        newest = [missed_call(people.ana, people.ben) for _ in range(3)][-1]
        between = missed_call(people.chen, people.ben)
        last = missed_call(people.ana, people.ben)
        listed = history.by_day(history.recents(people.ben).entries)
        assert [group.newest.call for day in listed for group in day.groups] == [
            last.pk,
            between.pk,
            newest.pk,
        ]
        assert [len(group.entries) for day in listed for group in day.groups] == [1, 1, 3]
        assert "3 calls" in read("/calls/", people.ben)

    def test_days_are_the_readers(self, people: SimpleNamespace, server: Server) -> None:
        missed_call(people.ana, people.ben)
        Call.objects.update(placed_at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
        cookie = {"Cookie": f"{cookie_of(session_of(people.ben))}; zone=Asia/Tokyo"}
        assert 'data-day="2026-11-23"' in ask(server, "/calls/", cookie)[2]
        assert 'data-day="2026-11-22"' in ask(server, "/calls/", {"Cookie": cookie_of(session_of(people.ben))})[2]
        nonsense = {"Cookie": f"{cookie_of(session_of(people.ben))}; zone=../../etc/passwd"}
        assert 'data-day="2026-11-22"' in ask(server, "/calls/", nonsense)[2]


class TestFilters:
    @pytest.fixture
    def calls(self, people: SimpleNamespace) -> SimpleNamespace:
        """Of Ben: missed of Ana and Chen, one to Ana, one of a guest's, an old one."""
        guest_link = links.make(people.ben)
        guest = Guest.objects.create(link=guest_link, name="Gwen Guest", entered_at=now())
        of_guest = switchboard.place(
            switchboard.Actor(guest.pk, "device-of-the-guest", "one", guest_link.pk), uuid4(), people.ben.pk, Kind.VIDEO
        )
        old = missed_call(people.ana, people.ben)
        Call.objects.filter(pk=old.pk).update(placed_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
        return SimpleNamespace(
            of_ana=missed_call(people.ana, people.ben).pk,
            of_chen=missed_call(people.chen, people.ben).pk,
            to_ana=missed_call(people.ben, people.ana).pk,
            of_guest=of_guest,
            old=old.pk,
        )

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", {"of_ana", "of_chen", "to_ana", "of_guest", "old"}),
            ("show=missed", {"of_ana", "of_chen", "of_guest", "old"}),
            ("show=incoming", {"of_ana", "of_chen", "of_guest", "old"}),
            ("show=outgoing", {"to_ana"}),
            ("show=guests", {"of_guest"}),
            ("person=ana", {"of_ana", "to_ana", "old"}),
            ("q=CHE", {"of_chen"}),
            ("q=@ana", {"of_ana", "to_ana", "old"}),
            ("q=ben", set()),
            ("q=gwen", {"of_guest"}),
            ("until=2026-01-31", {"old"}),
            ("since=2026-02-01", {"of_ana", "of_chen", "to_ana", "of_guest"}),
            ("since=2026-01-31&until=2026-01-31", {"old"}),
            ("show=missed&person=ana&since=2026-02-01", {"of_ana"}),
        ],
    )
    def test_show_what_fits_and_so_does_the_export(
        self, people: SimpleNamespace, calls: SimpleNamespace, read: Read, query: str, found: set[str]
    ) -> None:
        wanted = {str(vars(calls)[name]) for name in found}
        assert calls_on(read(f"/calls/?{query}", people.ben)) == wanted
        assert len(json.loads(read(f"/calls/export.json?{query}", people.ben))) == len(wanted)

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ("since=soon", "This is no date"),
            ("since=2026-02-01&until=2026-01-01", "before the day it begins with"),
            ("show=strange", "strange is not one of the available choices"),
        ],
    )
    def test_what_is_wrong_stands_at_the_field(
        self, people: SimpleNamespace, calls: SimpleNamespace, read: Read, query: str, says: str
    ) -> None:
        assert says in read(f"/calls/?{query}", people.ben)

    def test_a_stranger_filters_nothing_out_of_others(
        self, people: SimpleNamespace, calls: SimpleNamespace, read: Read
    ) -> None:
        for query in ("", "person=ana", "q=gwen", "show=guests"):
            assert calls_on(read(f"/calls/?{query}", people.sam)) == set()


class TestExport:
    def test_csv_is_read_back_and_no_cell_is_a_formula(self, people: SimpleNamespace, read: Read) -> None:
        people.ana.name = '=HYPERLINK("http://evil.example")'
        people.ana.save()
        missed_call(people.ana, people.ben)
        (row,) = csv.DictReader(StringIO(read("/calls/export.csv", people.ben)))
        assert row["person"] == "'" + people.ana.name
        assert (row["direction"], row["kind"], row["handle"], row["seconds"]) == ("incoming", "video", "ana", "")
        assert row["result"] == "Missed video call"

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1"])
    def test_harmless(self, text: str) -> None:
        assert history_export.harmless(text) == "'" + text
        assert history_export.harmless("Ana") == "Ana"


class TestOneCall:
    def test_tells_both_sides_story(
        self, people: SimpleNamespace, ana: Client, ben: Client, active: str, read: Read
    ) -> None:
        ana.command("call.rejoin", call=active)
        ben.command("call.hang_up", call=active)
        ana.until_call(active, "ended")
        story = ["You called", "Ben answered", "You loaded the page again", "Ben hung up"]
        page = read(f"/calls/{active}/", people.ana)
        assert re.findall(r"<span>([^<]+)</span></li>", page) == story
        page = read(f"/calls/{active}/", people.ben)
        assert "Ana called" in page and "You answered" in page and "You hung up" in page

    def test_deleted_it_is_gone_from_ones_own_view_alone(self, people: SimpleNamespace, read: Read) -> None:
        call = missed_call(people.ana, people.ben)
        browser = Browser()
        browser.force_login(people.ben)
        assert browser.post(f"/calls/{call.pk}/delete/").status_code == 302
        assert calls_on(read("/calls/", people.ben)) == set()
        assert history.count_unseen(people.ben) == 0
        assert calls_on(read("/calls/", people.ana)) == {str(call.pk)}
        assert Call.objects.filter(pk=call.pk).exists()

    def test_a_stranger_finds_none(self, server: Server, people: SimpleNamespace) -> None:
        call = missed_call(people.ana, people.ben)
        browser = Browser()
        assert browser.post(f"/calls/{call.pk}/delete/").url.startswith("/accounts/login/")
        browser.force_login(people.sam)
        missing = uuid4()
        for id_ in (call.pk, missing):
            assert browser.get(f"/calls/{id_}/").status_code == 404
            assert browser.post(f"/calls/{id_}/delete/").status_code == 404

    def test_one_that_goes_on_stays(self, people: SimpleNamespace, active: str) -> None:
        browser = Browser()
        browser.force_login(people.ben)
        assert browser.post(f"/calls/{active}/delete/").status_code == 404

    def test_who_blocked_the_caller_finds_none(self, people: SimpleNamespace, ana: Client) -> None:
        contacts.set_block(people.ben, people.ana, True)
        call = ana.place(people.ben.pk)
        ana.command("call.hang_up", call=call)
        browser = Browser()
        browser.force_login(people.ben)
        assert browser.get(f"/calls/{call}/").status_code == 404

    def test_a_message_is_deleted_by_whom_it_is_for_alone(self, people: SimpleNamespace) -> None:
        guest = Guest.objects.create(link=links.make(people.ben), name="Gwen", entered_at=now())
        links.leave_message(guest, "hello")
        message = guest.messages.get()
        browser = Browser()
        browser.force_login(people.sam)
        assert browser.post(f"/calls/messages/{message.pk}/delete/").status_code == 404
        browser.force_login(people.ben)
        assert browser.post(f"/calls/messages/{message.pk}/delete/").status_code == 302
        assert not guest.messages.exists()


class TestSeen:
    def test_only_ones_own_and_only_by_post(self, people: SimpleNamespace) -> None:
        missed_call(people.ana, people.ben)
        browser = Browser()
        browser.force_login(people.sam)
        assert browser.get("/calls/seen/").status_code == 405
        assert browser.post("/calls/seen/").status_code == 204
        assert history.count_unseen(people.ben) == 1
        browser.force_login(people.ben)
        assert browser.post("/calls/seen/").status_code == 204
        assert history.count_unseen(people.ben) == 0

    def test_not_without_a_sign_in_or_from_a_foreign_page(self, people: SimpleNamespace) -> None:
        assert Browser().post("/calls/seen/").status_code == 302
        strict = Browser(enforce_csrf_checks=True, raise_request_exception=False)
        strict.force_login(people.ben)
        assert strict.post("/calls/seen/", headers={"Origin": "https://evil.example"}).status_code == 403


class TestPeople:
    def test_lists_everyone_else_favourites_first(self, people: SimpleNamespace, read: Read) -> None:
        contacts.set_favourite(people.ana, people.sam, True)
        page = read("/", people.ana)
        names = re.findall(r'aria-label="Voice call (\w+)"', page)
        assert names == ["Sam", "Ben", "Chen"]

    @pytest.mark.parametrize(("query", "found"), [("be", ["Ben"]), ("@CHE", ["Chen"]), ("zz", []), ("%", [])])
    def test_the_search_works_without_scripts(
        self, people: SimpleNamespace, read: Read, query: str, found: list[str]
    ) -> None:
        page = read(f"/?q={quote(query)}", people.ana)
        assert re.findall(r'aria-label="Voice call (\w+)"', page) == found

    def test_who_blocks_me_looks_like_anybody(self, people: SimpleNamespace, read: Read) -> None:
        before = read("/people/ben/", people.ana)
        contacts.set_block(people.ben, people.ana, True)
        assert _without_tokens(read("/people/ben/", people.ana)) == _without_tokens(before)

    def test_a_name_is_text_and_never_markup(self, people: SimpleNamespace, read: Read) -> None:
        make_person("mal", name='<script>alert("x")</script>')
        assert "<script>alert" not in read("/", people.ana)

    def test_nobody_of_that_handle_is_a_page_of_ours(self, server: Server, people: SimpleNamespace) -> None:
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(server, "/people/nobody/", session_of(people.ana))
        assert refused.value.code == 404
        assert "Earshot" in refused.value.read().decode()


class TestAdmin:
    @pytest.fixture
    def root(self, server: Server, people: SimpleNamespace) -> Browser:
        people.sam.is_staff = people.sam.is_superuser = True
        people.sam.save()
        browser = Browser()
        browser.force_login(people.sam)
        return browser

    def test_shows_calls_legs_and_journal(
        self, server: Server, people: SimpleNamespace, ana: Client, active: str, read: Read
    ) -> None:
        ana.command("call.hang_up", call=active)
        people.chen.is_staff = people.chen.is_superuser = True
        people.chen.save()
        assert f"/admin/calls/call/{active}/" in read("/admin/calls/call/", people.chen)
        page = read(f"/admin/calls/call/{active}/change/", people.chen)
        for word in ("completed", "hang_up", "accept", "Ana", "Ben"):
            assert word in page.replace(" up", "_up")
        assert 'type="submit"' not in page.split('id="content"')[1]
        assert ana.device not in page

    def test_nobody_adds_changes_or_deletes_a_call(self, people: SimpleNamespace, root: Browser) -> None:
        call = missed_call(people.ana, people.ben)
        for path in ("add/", f"{call.pk}/delete/"):
            assert root.post(f"/admin/calls/call/{path}", {"post": "yes"}).status_code == 403
        assert root.post(f"/admin/calls/call/{call.pk}/change/", {"kind": "voice"}).status_code == 403
        root.post("/admin/calls/call/", {"action": "delete_selected", "_selected_action": str(call.pk)})
        call.refresh_from_db()
        assert (call.kind, Leg.objects.filter(call=call).count()) == ("video", 2)

    def test_a_member_is_not_let_in(self, people: SimpleNamespace, root: Browser) -> None:
        root.force_login(people.ana)
        assert root.get("/admin/calls/call/").status_code in (302, 403)


def _without_tokens(page: str) -> str:
    return re.sub(r'nonce="[^"]+"|csrf\w+" value="\w+"|"csrfToken": "\w+"', "", page)
