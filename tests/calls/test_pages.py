"""People and recents as a running server shows them, to the people of a call, to a stranger, to nobody."""

import re
import urllib.error
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts import contacts
from calls import history, switchboard
from calls.core.vocabulary import Kind
from calls.models import Call, Leg
from tests.support.client import Client
from tests.support.pages import get
from tests.support.people import make_person, session_of
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
        assert len(rows(first)) == history.PAGE
        assert len(rows(read("/calls/" + older[1].replace("&amp;", "&"), people.ben))) == 2
        assert "Older calls" not in read("/calls/?before=" + quote(now().isoformat()), people.sam)

    def test_many_calls_cost_no_more_queries_than_few(self, people: SimpleNamespace) -> None:
        def cost() -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert history.recents(people.ben)
            return len(queries)

        missed_call(people.ana, people.ben)
        few = cost()
        for handle in ("dana", "emil", "fay"):
            missed_call(make_person(handle), people.ben)
        assert cost() == few


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
