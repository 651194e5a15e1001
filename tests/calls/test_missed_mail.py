"""Mail about missed calls: only for those who want it, once, and several calls in one."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import Client as Browser
from django.urls import reverse

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


class TestTheMailServer:
    def test_away_means_later(self, people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
        miss(people.ben, people.ana)

        def away(*_: Any) -> None:
            raise SMTPServerDisconnected

        with monkeypatch.context() as patch:
            patch.setattr(missed_mail, "_send", away)
            with pytest.raises(SMTPServerDisconnected):
                missed_mail.send_due()
        assert missed_mail.send_due() == 1

    def test_one_refused_address_holds_nobody_up(
        self, people: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        missed_mail.set_wanted(people.chen, True)
        MissedMail.objects.update(told_until=clock.now() - timedelta(hours=2))
        miss(people.ben, people.ana)
        miss(people.ben, people.chen)
        really = missed_mail._send

        def picky(user: Any, missed: Any) -> None:
            if user == people.ana:
                raise SMTPRecipientsRefused({})
            really(user, missed)

        monkeypatch.setattr(missed_mail, "_send", picky)
        assert missed_mail.send_due() == 1
        assert missed_mail.send_due() == 0


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
