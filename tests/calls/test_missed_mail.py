"""Mail about missed calls: only for those who want it, once, and several calls in one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from calls import clock, history, links, missed_mail, switchboard
from calls.core.vocabulary import Kind
from calls.models import Call, Guest, GuestMessage, Leg, MissedMail
from calls.switchboard import Actor
from tests.support.server import Server


@pytest.fixture(autouse=True)
def ana_wants_it(people: SimpleNamespace) -> None:
    missed_mail.set_wanted(people.ana, True)
    MissedMail.objects.update(told_until=clock.now() - timedelta(hours=2))


def miss(caller: Any, callee: Any, minutes_ago: float = 10) -> Call:
    """A call that found nobody."""
    call_id = switchboard.place(Actor(caller.pk, "device-of-the-caller", uuid4().hex), uuid4(), callee.pk, Kind.VIDEO)
    at = clock.now() - timedelta(minutes=minutes_ago)
    Call.objects.filter(pk=call_id).update(placed_at=at, ended_at=at)
    return Call.objects.get(pk=call_id)


def test_one_missed_call(people: SimpleNamespace) -> None:
    miss(people.ben, people.ana)
    assert missed_mail.send_due() == 1
    (message,) = mail.outbox
    assert (message.subject, message.to) == ("You missed a call from Ben", ["ana@example.org"])
    assert "Ben, Missed video call" in message.body
    assert "/calls/" in message.body and "/settings/" in message.body


def test_several_come_in_one(people: SimpleNamespace) -> None:
    for minutes in (12, 8, 1):
        miss(people.ben, people.ana, minutes)
    assert missed_mail.send_due() == 1
    (message,) = mail.outbox
    assert message.subject == "You missed 3 calls"
    assert message.body.count("Ben, Missed video call") == 3


def test_a_guests_message_counts(people: SimpleNamespace) -> None:
    guest = Guest.objects.create(link=links.make(people.ana), name="Gwen", entered_at=clock.now())
    GuestMessage.objects.create(guest=guest, text="Call me, please", left_at=clock.now() - timedelta(minutes=9))
    missed_mail.send_due()
    assert mail.outbox[0].subject == "Gwen left you a message"
    assert "Gwen (guest), a message" in mail.outbox[0].body


def test_none_is_told_twice(people: SimpleNamespace) -> None:
    miss(people.ben, people.ana)
    assert (missed_mail.send_due(), missed_mail.send_due()) == (1, 0)
    Leg.objects.update(seen_at=None)
    assert missed_mail.send_due() == 0


def test_it_waits_for_five_minutes(people: SimpleNamespace) -> None:
    miss(people.ben, people.ana, 4.9)
    assert missed_mail.send_due() == 0
    Call.objects.update(placed_at=clock.now() - timedelta(minutes=5.1))
    assert missed_mail.send_due() == 1


def test_what_was_looked_at_is_not_told(people: SimpleNamespace) -> None:
    miss(people.ben, people.ana)
    history.mark_seen(people.ana)
    assert missed_mail.send_due() == 0


def test_what_was_deleted_is_not_told(people: SimpleNamespace) -> None:
    call = miss(people.ben, people.ana)
    history.forget(people.ana, call.pk)
    assert missed_mail.send_due() == 0


def test_who_did_not_ask_gets_none(people: SimpleNamespace) -> None:
    miss(people.ana, people.ben)
    assert missed_mail.send_due() == 0
    assert not missed_mail.is_wanted(people.ben)


def test_nor_is_anything_told_from_before_they_asked(people: SimpleNamespace) -> None:
    miss(people.ana, people.ben, 30)
    missed_mail.set_wanted(people.ben, True)
    assert missed_mail.send_due() == 0


def test_who_is_blocked_is_not_in_it(people: SimpleNamespace) -> None:
    miss(people.ben, people.ana)
    Leg.objects.update(hidden=True)
    assert missed_mail.send_due() == 0


def test_a_closed_account_gets_none(people: SimpleNamespace) -> None:
    miss(people.ben, people.ana)
    people.ana.is_active = False
    people.ana.save()
    assert missed_mail.send_due() == 0


def test_a_name_cannot_break_the_header(people: SimpleNamespace) -> None:
    people.ben.name = "Ben\nBcc: everybody@example.org"
    people.ben.save()
    miss(people.ben, people.ana)
    missed_mail.send_due()
    assert mail.outbox[0].subject == "You missed a call from Ben Bcc: everybody@example.org"


def test_a_call_that_ends_while_mail_is_sent_is_told_once(
    people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed_mail.set_wanted(people.chen, True)
    MissedMail.objects.update(told_until=clock.now() - timedelta(hours=2))
    for callee in (people.ana, people.chen):
        miss(people.ben, callee)
    really, told = missed_mail._send, []

    def slow(user: User, missed: list[history.Entry]) -> None:
        for callee in {people.ana, people.chen} - {user}:
            Call.objects.filter(pk=miss(people.ben, callee).pk).update(ended_at=clock.now())
        told.extend(missed)
        really(user, missed)

    monkeypatch.setattr(missed_mail, "_send", slow)
    assert missed_mail.send_due() == 2
    monkeypatch.setattr(missed_mail, "_send", lambda _user, missed: told.extend(missed))
    assert missed_mail.send_due() == 1
    assert len({entry.call for entry in told}) == len(told) == 4


def test_a_call_that_ends_while_the_digest_is_read_comes_with_the_next(
    people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    miss(people.ben, people.ana)
    really = history.unseen_since

    def late(user: User, after: datetime, until: datetime) -> list[history.Entry]:
        Call.objects.filter(pk=miss(people.chen, people.ana).pk).update(ended_at=clock.now())
        guest = Guest.objects.create(link=links.make(people.ana), name="Gwen", entered_at=clock.now())
        GuestMessage.objects.create(guest=guest, text="Call me, please", left_at=clock.now())
        return really(user, after, until)

    with monkeypatch.context() as patch:
        patch.setattr(history, "unseen_since", late)
        assert missed_mail.send_due() == 1
    assert missed_mail.send_due() == 1
    assert [message.subject for message in mail.outbox] == ["You missed a call from Ben", "You missed 2 calls"]


class TestTheMailServer:
    """Ana's mail is refused; Chen's is not."""

    @pytest.fixture
    def refused(self, people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], None]:
        missed_mail.set_wanted(people.chen, True)
        MissedMail.objects.update(told_until=clock.now() - timedelta(hours=2))
        miss(people.ben, people.ana)
        miss(people.ben, people.chen)
        really = missed_mail._send

        def with_(error: Exception | None) -> None:
            def picky(user: User, missed: list[history.Entry]) -> None:
                if user == people.ana and error is not None:
                    raise error
                really(user, missed)

            monkeypatch.setattr(missed_mail, "_send", picky)

        return with_

    @pytest.mark.parametrize(
        "error",
        [
            SMTPRecipientsRefused({"ana@example.org": (550, b"No such user")}),
            SMTPDataError(552, b"Mailbox full"),
        ],
    )
    def test_a_refusal_for_good_holds_nobody_up(self, refused: Callable[..., None], error: Exception) -> None:
        refused(error)
        assert missed_mail.send_due() == 1
        refused(None)
        assert missed_mail.send_due() == 0
        assert [message.to for message in mail.outbox] == [["chen@example.org"]]

    @pytest.mark.parametrize(
        "error",
        [
            SMTPRecipientsRefused({"ana@example.org": (450, b"Come back later")}),
            SMTPDataError(451, b"Local error"),
        ],
    )
    def test_a_refusal_for_now_holds_nobody_up_and_is_tried_again(
        self, refused: Callable[..., None], error: Exception
    ) -> None:
        refused(error)
        assert missed_mail.send_due() == 1
        refused(None)
        assert missed_mail.send_due() == 1
        assert [message.to for message in mail.outbox] == [["chen@example.org"], ["ana@example.org"]]

    @pytest.mark.parametrize(
        "error",
        [
            SMTPServerDisconnected("gone"),
            SMTPConnectError(421, b"Too busy"),
            SMTPConnectError(554, b"No service here"),
            SMTPAuthenticationError(535, b"Wrong password"),
            SMTPSenderRefused(550, b"Not from here", "earshot@example.org"),
            ConnectionRefusedError(),
            RuntimeError("no template"),
        ],
    )
    def test_away_or_open_to_nobody_means_later(self, refused: Callable[..., None], error: Exception) -> None:
        refused(error)
        with pytest.raises(type(error)):
            missed_mail.send_due()
        refused(None)
        missed_mail.send_due()
        assert {message.to[0] for message in mail.outbox} == {"ana@example.org", "chen@example.org"}


def test_it_is_switched_in_the_settings(server: Server, people: SimpleNamespace) -> None:
    browser = Browser()
    browser.force_login(people.ben)
    page = browser.get(reverse("settings")).content.decode()
    assert 'aria-checked="false" aria-labelledby="missed-mail"' in page
    browser.post(reverse("missed-mail"), {"wanted": "yes"})
    assert missed_mail.is_wanted(people.ben)
    assert 'aria-checked="true" aria-labelledby="missed-mail"' in browser.get(reverse("settings")).content.decode()
    browser.post(reverse("missed-mail"), {"wanted": "no"})
    assert not missed_mail.is_wanted(people.ben)
