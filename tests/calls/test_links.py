"""Links that ring their owner: who gets in by them, once or often, and what a guest may do then."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client as Browser
from django.utils.timezone import now

from accounts.derived_secret import NUMBER_LENGTH
from calls import guessing, link_secret, links
from calls.core.vocabulary import Kind, LinkState
from calls.models import Call, Guest, GuestMessage, Leg, Link
from calls.steward import IDENTIFY_TICKS
from tests.conftest import Connect
from tests.support.client import Client
from tests.support.metrics import until_ticks
from tests.support.pages import get
from tests.support.people import session_of
from tests.support.server import Server
from tests.support.visitor import Visitor

Make = Callable[..., str]


@pytest.fixture
def make(people: SimpleNamespace) -> Make:
    """A link of Ana's; its secret."""

    def link(**facts: Any) -> str:
        return link_secret.secret_of(links.make(people.ana, **facts).number)

    return link


@pytest.fixture
def visitor(server: Server, people: SimpleNamespace) -> Visitor:
    return Visitor(server)


def the_link() -> Link:
    return Link.objects.get()


def guest_client(server: Server, connect: Connect, visitor: Visitor, **facts: Any) -> Client:
    return connect(server, None, session=visitor.session, **facts)


class TestSecret:
    def test_opens_its_link_and_nothing_else_does(self, make: Make, visitor: Visitor) -> None:
        secret = make(title="Interview")
        assert len(secret) == NUMBER_LENGTH + 22, "128 bits beside the number"
        status, said = visitor.look(secret)
        assert (status, said["state"], said["title"], said["owner"]["name"]) == (200, "open", "Interview", "Ana")
        changed = secret[:-1] + ("A" if secret[-1] != "A" else "B")
        unknown = "x" * len(secret)
        answers = [visitor.look(wrong) for wrong in (changed, unknown, secret[:-1], "", the_link().number, "é" * 38)]
        assert answers == [(404, {"state": "unknown"})] * 6

    def test_is_not_in_the_database_nor_in_a_page_before_it_is_asked(self, make: Make, visitor: Visitor) -> None:
        secret = make(title="Interview")
        assert secret not in repr(list(Link.objects.values()))
        assert "Interview" not in visitor.get("/l/")[2]

    def test_old_links_hold_after_a_rotation_of_the_key(self, make: Make, settings: Any) -> None:
        old = make()
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "a new one " * 6
        number = the_link().number
        assert link_secret.number_of(old) == link_secret.number_of(link_secret.secret_of(number)) == number
        assert link_secret.secret_of(number) != old
        settings.SECRET_KEY_FALLBACKS = []
        assert link_secret.number_of(old) is None


class TestStates:
    @pytest.mark.parametrize(
        ("facts", "state"),
        [
            ({"valid_until": now() - timedelta(minutes=1)}, "expired"),
            ({"valid_from": now() + timedelta(hours=1)}, "not_yet"),
            ({"max_uses": 1, "uses": 1}, "used_up"),
            ({"paused_at": now()}, "paused"),
            ({"revoked_at": now()}, "revoked"),
            ({"weekdays": str((now().weekday() + 3) % 7)}, "out_of_hours"),
        ],
    )
    def test_one_that_is_not_open_says_why_and_not_whose_it_is(
        self, make: Make, visitor: Visitor, facts: dict[str, Any], state: str
    ) -> None:
        secret = make(title="Interview", **facts)
        for status, said in (visitor.look(secret), visitor.enter(secret)):
            assert (status, said["state"]) == (404, state)
            assert not {"owner", "title"} & said.keys()
        assert not Guest.objects.exists()

    def test_a_closed_account_has_no_links(self, people: SimpleNamespace, make: Make, visitor: Visitor) -> None:
        secret = make()
        people.ana.is_active = False
        people.ana.save()
        assert visitor.look(secret) == (404, {"state": "revoked"})

    @pytest.mark.parametrize(
        ("moment", "state"),
        [
            (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), LinkState.OPEN),  # Monday, 10:00 in Berlin
            (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), LinkState.OUT_OF_HOURS),
            (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), LinkState.OUT_OF_HOURS),
            (datetime(2026, 11, 22, 9, 0, tzinfo=UTC), LinkState.OUT_OF_HOURS),
        ],
    )
    def test_hours_are_the_owners(
        self, people: SimpleNamespace, make: Make, moment: datetime, state: LinkState
    ) -> None:
        make(weekdays="0", opens_at=time(9), closes_at=time(17), time_zone="Europe/Berlin")
        assert the_link().state(moment) is state

    @pytest.mark.parametrize(
        ("hour", "day", "is_open"), [(23, 23, True), (1, 24, True), (2, 24, False), (23, 24, False)]
    )
    def test_hours_over_midnight_belong_to_the_day_they_begin_on(
        self, people: SimpleNamespace, make: Make, hour: int, day: int, is_open: bool
    ) -> None:
        make(weekdays="0", opens_at=time(22), closes_at=time(2))
        assert (the_link().state(datetime(2026, 11, day, hour, tzinfo=UTC)) is LinkState.OPEN) is is_open


class TestPasscode:
    def test_nothing_is_said_before_it(self, make: Make, visitor: Visitor) -> None:
        secret = make(title="Interview", passcode="open sesame")
        assert visitor.look(secret) == (403, {"state": "open", "passcode": "needed"})
        assert visitor.look(secret, passcode="wrong") == (403, {"state": "open", "passcode": "wrong"})
        assert visitor.enter(secret, passcode="wrong")[0] == 403
        assert visitor.look(secret, passcode="open sesame")[1]["title"] == "Interview"
        assert visitor.enter(secret, passcode="open sesame")[0] == 200
        assert "open sesame" not in repr(list(Link.objects.values()))

    def test_who_guesses_must_wait(self, make: Make, visitor: Visitor) -> None:
        secret = make(passcode="open sesame")
        tries = [visitor.look(secret, passcode=f"guess {n}")[0] for n in range(guessing.WRONG_AN_ADDRESS_AND_LINK + 1)]
        assert tries[-2:] == [403, 429]
        assert visitor.look(make(passcode="other"), passcode="other")[0] == 200, "another link of theirs opens"

    def test_who_knows_it_is_not_shut_out_by_others_who_guess(self, make: Make) -> None:
        secret, link = make(passcode="open sesame"), the_link()
        for n in range(guessing.WRONG_A_LINK):
            guessing.was_wrong(f"192.0.2.{n}", link.pk)
        assert links.look(secret, "open sesame", "198.51.100.1") == link
        with pytest.raises(links.PasscodeNeeded):
            links.look(secret, "wrong", "198.51.100.2")
        with pytest.raises(links.MustWait):
            links.look(secret, "wrong again", "198.51.100.2")

    def test_mistyped_secrets_count_too(self, make: Make) -> None:
        for _ in range(guessing.WRONG_AN_ADDRESS):
            with pytest.raises(links.Closed):
                links.look("nothing", "", "198.51.100.9")
        with pytest.raises(links.MustWait):
            links.look("nothing", "", "198.51.100.9")
        with pytest.raises(links.Closed):
            links.look("nothing", "", "198.51.100.10")
        assert links.look(make(), "", "198.51.100.9"), "a right one opens, whoever else shares the address"


class TestEntering:
    def test_a_name_is_asked_for(self, make: Make, visitor: Visitor) -> None:
        status, said = visitor.enter(make(), name=" ")
        assert (status, list(said["errors"])) == (400, ["name"])
        assert not Guest.objects.exists()

    def test_of_two_at_once_a_single_use_lets_in_one(self, server: Server, make: Make) -> None:
        secret = make(max_uses=1)
        visitors = [Visitor(server) for _ in range(4)]
        answers: list[int] = []
        threads = [threading.Thread(target=lambda v=v: answers.append(v.enter(secret)[0])) for v in visitors]  # type: ignore[misc]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200, 404, 404, 404]
        assert (the_link().uses, Guest.objects.count()) == (1, 1)

    def test_who_is_signed_in_is_no_guest(self, server: Server, people: SimpleNamespace, make: Make) -> None:
        """The page sends them to the person instead."""
        browser = Browser()
        browser.force_login(people.ben)
        secret = make()
        assert browser.post("/l/look", {"secret": secret}).json()["page"] == "/people/ana/"
        assert browser.post("/l/enter", {"secret": secret, "name": "Ben"}).status_code == 403

    def test_a_guest_comes_back_without_the_passcode(self, make: Make, visitor: Visitor) -> None:
        secret = make(passcode="open sesame", max_uses=1)
        visitor.enter(secret, passcode="open sesame", line="About the flat")
        status, said = visitor.look(secret)
        assert (status, said["guest"]) == (200, {"name": "Gwen Guest", "line": "About the flat"})


class TestCalling:
    @pytest.fixture
    def ana(self, server: Server, people: SimpleNamespace, connect: Connect) -> Client:
        return connect(server, people.ana)

    @pytest.fixture
    def secret(self, make: Make) -> str:
        return make(title="Interview")

    @pytest.fixture
    def guest(self, server: Server, connect: Connect, secret: str, visitor: Visitor) -> Client:
        assert visitor.enter(secret, line="About the flat")[0] == 200
        return guest_client(server, connect, visitor)

    def test_rings_the_owner_with_name_and_line(self, people: SimpleNamespace, ana: Client, guest: Client) -> None:
        call = guest.place(people.ana.pk)
        ana.until_call(call, "ringing")
        person = ana.leg(call, mine=False)["person"]
        assert (person["name"], person["guest"]) == ("Gwen Guest", {"title": "Interview", "line": "About the flat"})
        ana.command("call.accept", call=call)
        guest.until_call(call, "active")
        guest.peer(call, 1, {"kind": "media", "microphone": True, "camera": True})
        ana.wait_for("peer")
        guest.command("call.hang_up", call=call)
        assert ana.until_call(call, "ended")["end_reason"] == "completed"
        leg = Leg.objects.get(call=call, role="caller")
        assert (leg.user, leg.guest.name) == (None, "Gwen Guest")

    def test_a_repeated_command_takes_effect_once(self, people: SimpleNamespace, ana: Client, guest: Client) -> None:
        call = guest.place(people.ana.pk)
        ana.until_call(call, "ringing")
        first = guest.command("call.hang_up", call=call, id="once")
        assert guest.command("call.hang_up", call=call, id="once") == first

    def test_another_guests_command_of_the_same_id_is_another(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, guest: Client, secret: str
    ) -> None:
        call = guest.place(people.ana.pk)
        assert guest.command("call.hang_up", call=call, id="once")["type"] == "ok"
        second = Visitor(server)
        second.enter(secret, name="Hank Hasty")
        answer = guest_client(server, connect, second).command("call.hang_up", call=call, id="once")
        assert answer["code"] == "no_such_call"

    def test_a_guest_calls_nobody_else_and_learns_nothing_of_them(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, guest: Client
    ) -> None:
        ben = connect(server, people.ben)
        missing = "00000000-0000-4000-8000-000000000000"
        for to in (people.ben.pk, missing):
            answer = guest.command("call.place", call=str(Call().pk or missing), to=str(to), kind="video")
            assert (answer["code"], answer["message"]) == ("not_allowed", "This is not what your link is for.")
        assert guest.command("presence.watch", people=[str(people.ben.pk)])["code"] == "not_allowed"
        ben.settle()
        assert not ben.calls and not guest.heard("presence")
        others = ana.place(people.ben.pk)
        assert guest.command("call.hang_up", call=others)["code"] == "no_such_call"

    def test_a_guest_sees_of_the_owner_only_whether_they_are_free(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, guest: Client
    ) -> None:
        ben = connect(server, people.ben)
        call = ana.place(people.ben.pk)
        ben.command("call.accept", call=call)
        guest.command("presence.watch", people=[str(people.ana.pk)])
        guest.until(lambda: guest.heard("presence")[-1]["people"][0]["status"] == "offline")
        ana.command("call.hang_up", call=call)
        guest.until(lambda: guest.heard("presence")[-1]["people"][0]["status"] == "online")
        assert all(view.keys() == {"id", "status"} for news in guest.heard("presence") for view in news["people"])

    def test_a_voice_link_is_for_voice(
        self, server: Server, people: SimpleNamespace, connect: Connect, make: Make, visitor: Visitor
    ) -> None:
        visitor.enter(make(kind=Kind.VOICE))
        guest = guest_client(server, connect, visitor)
        answer = guest.command("call.place", call=str(people.sam.pk), to=str(people.ana.pk), kind="video")
        assert answer["code"] == "not_allowed"

    @pytest.mark.parametrize("path", ["/", "/calls/", "/links/", "/settings/", "/people/ana/", "/admin/"])
    def test_a_guests_session_opens_no_page(self, guest: Client, visitor: Visitor, path: str) -> None:
        assert "/accounts/login/" in visitor.get(path)[1] or "/admin/login/" in visitor.get(path)[1]

    def test_revoking_ends_the_call_and_sends_the_guest_away(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, guest: Client, visitor: Visitor
    ) -> None:
        call = guest.place(people.ana.pk)
        ana.command("call.accept", call=call)
        guest.until_call(call, "active")
        links.revoke(the_link())  # in a process that serves nobody: the server's steward finds it
        assert Call.objects.get(pk=call).end_reason == "revoked"
        assert ana.until_call(call, "ended")["end_reason"] == "revoked"
        assert guest.until_closed() == 4500
        again = guest_client(server, connect, visitor, hello=False)
        again.send({"type": "hello", "protocol": 1, "device": guest.device})
        assert again.until_closed() == 4500

    @pytest.mark.slow
    def test_expiry_and_pause_only_stop_new_calls(
        self, server: Server, people: SimpleNamespace, ana: Client, guest: Client, secret: str, visitor: Visitor
    ) -> None:
        call = guest.place(people.ana.pk)
        ana.command("call.accept", call=call)
        guest.until_call(call, "active")
        Link.objects.update(valid_until=now(), paused_at=now())
        assert visitor.look(secret)[0] == 200, "a page that is loaded again in the call comes back to it"
        until_ticks(server, 2 * IDENTIFY_TICKS)  # what looks over, it looks at twice
        for side in (ana, guest):
            side.settle()
            assert side.calls[call]["state"] == "active"
        guest.command("call.hang_up", call=call)
        answer = guest.command("call.place", call=str(people.sam.pk), to=str(people.ana.pk), kind="video")
        assert answer["code"] == "link_closed"
        assert visitor.look(secret) == (404, {"state": "paused"})
        Link.objects.update(paused_at=None)
        assert visitor.look(secret) == (404, {"state": "expired"})

    def test_a_single_use_is_one_answered_call(
        self, server: Server, people: SimpleNamespace, connect: Connect, ana: Client, make: Make
    ) -> None:
        secret, visitor = make(max_uses=1), Visitor(server)
        visitor.enter(secret)
        guest = guest_client(server, connect, visitor)
        declined = guest.place(people.ana.pk)
        ana.command("call.decline", call=declined)
        guest.until_call(declined, "ended")
        answered = guest.place(people.ana.pk)
        ana.command("call.accept", call=answered)
        guest.command("call.hang_up", call=answered)
        again = guest.command("call.place", call=str(people.sam.pk), to=str(people.ana.pk), kind="video")
        assert again["code"] == "link_closed"
        assert visitor.look(secret) == (404, {"state": "used_up"})

    def test_an_owner_who_is_not_there_finds_a_missed_call_and_the_message(
        self, server: Server, people: SimpleNamespace, guest: Client, visitor: Visitor
    ) -> None:
        call = guest.place(people.ana.pk)
        assert guest.until_call(call, "ended")["end_reason"] == "unavailable"
        assert visitor.post("/l/message", text="Please call me back: 555 0100")[0] == 204
        page = get(server, "/calls/", session_of(people.ana))[2]
        assert "Gwen Guest" in page and "Missed video call" in page
        assert "Please call me back: 555 0100" in page
        assert 'data-count="2"' in page
        assert "555 0100" not in get(server, "/calls/", session_of(people.ben))[2]

    def test_control_characters_of_a_guest_reach_nobody(self, make: Make, visitor: Visitor) -> None:
        status, said = visitor.enter(make(), name="Ev\x08e", line="About\x00 the\nflat")
        assert (status, said["guest"]) == (200, {"name": "Eve", "line": "About the flat"})
        assert visitor.post("/l/message", text="\x1bDear Ana,\r\n\n\tcall me\x00")[0] == 204
        assert GuestMessage.objects.get().text == "Dear Ana,\n\n\tcall me"
        assert visitor.post("/l/message", text="\x00\x08")[0] == 400


class TestTheOwnersPages:
    @pytest.fixture
    def browser(self, people: SimpleNamespace, server: Server) -> Browser:
        made = Browser()
        made.force_login(people.ana)
        return made

    def test_one_is_made_with_good_defaults(self, browser: Browser) -> None:
        fields = {"title": "Inter\x08view", "kind": "video", "lasts": "week", "weekdays": list("0123456")}
        answer = browser.post("/links/new/", {**fields, "time_zone": "Europe/Berlin"})
        link = the_link()
        assert answer.url == f"/links/{link.pk}/"
        assert (link.title, link.max_uses, link.time_zone) == ("Interview", None, "Europe/Berlin")
        assert timedelta(days=6) < link.valid_until - now() <= timedelta(days=7)
        assert link.state(now()) is LinkState.OPEN

    def test_a_beginning_is_meant_in_the_browsers_zone(self, browser: Browser) -> None:
        fields = {"kind": "voice", "lasts": "day", "weekdays": list("01"), "valid_from": "2026-12-01T09:00"}
        browser.post("/links/new/", {**fields, "time_zone": "Europe/Berlin"})
        link = the_link()
        assert link.valid_from == datetime(2026, 12, 1, 8, tzinfo=UTC)
        assert link.valid_until == link.valid_from + timedelta(days=1)

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"single": "n"}, "max_uses"),
            ({"single": "n", "max_uses": "0"}, "max_uses"),
            ({"opens_at": "09:00"}, "closes_at"),
            ({"weekdays": []}, "weekdays"),
            ({"valid_from": "soon"}, "valid_from"),
            ({"kind": "telepathy"}, "kind"),
            ({"title": "x" * 81}, "title"),
        ],
    )
    def test_what_is_wrong_stands_at_the_field(self, browser: Browser, wrong: dict[str, Any], field: str) -> None:
        fields = {"title": "", "kind": "video", "lasts": "week", "weekdays": list("0123456"), **wrong}
        assert field in browser.post("/links/new/", fields).context["form"].errors
        assert not Link.objects.exists()

    def test_a_new_personal_link_kills_the_old(self, browser: Browser, people: SimpleNamespace) -> None:
        browser.post("/links/personal/", {"wanted": "new"})
        old = link_secret.secret_of(the_link().number)
        browser.post("/links/personal/", {"wanted": "new"})
        new = links.personal(people.ana)
        assert links.look(link_secret.secret_of(new.number), "", "192.0.2.1") == new
        with pytest.raises(links.Closed, match="revoked"):
            links.look(old, "", "192.0.2.1")
        browser.post("/links/personal/", {"wanted": "off"})
        assert links.personal(people.ana) is None

    def test_mail_has_the_address_and_names_who_sends_it(
        self, browser: Browser, make: Make, mailoutbox: list[Any]
    ) -> None:
        secret = make(title="Interview", passcode="open sesame")
        answer = browser.post(f"/links/{the_link().pk}/mail/", {"to": "gwen@example.com", "note": "See you!"})
        assert answer.status_code == 302
        (mail,) = mailoutbox
        assert (mail.to, mail.reply_to, mail.subject) == (
            ["gwen@example.com"],
            ["ana@example.org"],
            "Ana asks you to call",
        )
        assert f"/l/#{secret}" in mail.body and "See you!" in mail.body and "Interview" in mail.body
        assert "open sesame" not in mail.body

    def test_nobody_mails_without_end(self, browser: Browser, make: Make, mailoutbox: list[Any]) -> None:
        make()
        address = f"/links/{the_link().pk}/mail/"
        for _ in range(links.MAILS + 1):
            answer = browser.post(address, {"to": "gwen@example.com"})
        assert "to" in answer.context["mail"].errors
        assert len(mailoutbox) == links.MAILS
        assert "to" in browser.post(address, {"to": "nobody"}).context["mail"].errors

    def test_others_links_do_not_exist(self, make: Make, people: SimpleNamespace) -> None:
        make(title="Interview")
        base = f"/links/{the_link().pk}/"
        stranger = Browser()
        assert stranger.get(base).status_code == stranger.post(base + "revoke/").status_code == 302
        stranger.force_login(people.sam)
        for path in ("", "qr.svg"):
            assert stranger.get(base + path).status_code == 404
        for path in ("pause/", "revoke/", "mail/"):
            assert stranger.post(base + path, {"wanted": "yes", "to": "a@example.org"}).status_code == 404
        assert "Interview" not in stranger.get("/links/").content.decode()
        link = the_link()
        assert (link.paused_at, link.revoked_at) == (None, None)


class TestMessages:
    def test_only_from_a_guest_and_of_some_length(self, make: Make, visitor: Visitor, people: SimpleNamespace) -> None:
        assert visitor.post("/l/message", text="hello")[0] == 403
        visitor.enter(make())
        for text in ("", "  ", "x" * 1001):
            assert list(visitor.post("/l/message", text=text)[1]["errors"]) == ["text"]
        answers = [visitor.post("/l/message", text="hello")[0] for _ in range(links.MESSAGES_A_GUEST + 1)]
        assert answers == [204] * links.MESSAGES_A_GUEST + [400]


@pytest.fixture(autouse=True)
def no_memory_of_earlier_tries(server: Server) -> None:
    """This process's; the server's has its own, and its visitors here are wrong a few times only."""
    cache.clear()
