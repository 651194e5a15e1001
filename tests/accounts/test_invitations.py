"""Invitations to make an account: who may send them, and that each lets in one person."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import invitations
from accounts.models import Invitation, User

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db

FACTS = {"name": "Zoë de Vries", "username": "", "email": "zoe@example.org", "password1": PASSWORD}
PAGE = "/settings/invitations/"
WEEK = timedelta(days=7)


@pytest.fixture
def invitation(admin):
    return invitations.make(admin, "", WEEK)


def join(client, invitation):
    return client.get(reverse("join", args=[invitations.secret(invitation)]))


def test_it_lets_one_person_sign_up(client, invitation):
    assert join(client, invitation).url == reverse("account_signup")
    assert client.post(reverse("account_signup"), FACTS).url == "/"
    invitation.refresh_from_db()
    assert invitation.used_by == User.objects.get(handle="zoe")
    again = join(Client(), invitation)
    assert (again.status_code, "has been used" in again.content.decode()) == (404, True)


def test_of_two_browsers_that_opened_it_one_signs_up(invitation):
    first, second = Client(), Client()
    join(first, invitation)
    join(second, invitation)
    first.post(reverse("account_signup"), FACTS)
    answer = second.post(reverse("account_signup"), {**FACTS, "email": "other@example.org"}, follow=True)
    assert "Ask an admin for an account" in answer.content.decode()
    assert not User.objects.filter(email="other@example.org").exists()


def test_who_loses_the_race_at_the_last_moment_gets_no_account(client, invitation, monkeypatch):
    join(client, invitation)
    monkeypatch.setattr(invitations, "claim", lambda invitation: False)
    assert client.post(reverse("account_signup"), FACTS).status_code == 302
    assert not User.objects.filter(email=FACTS["email"]).exists()


def test_a_form_that_is_wrong_does_not_use_it_up(client, invitation):
    join(client, invitation)
    assert client.post(reverse("account_signup"), {**FACTS, "password1": "short"}).status_code == 200
    assert client.post(reverse("account_signup"), FACTS).url == "/"


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"expires_at": timezone.now()}, "has expired"),
        ({"revoked_at": timezone.now()}, "was taken back"),
    ],
)
def test_one_that_is_over_says_so_and_lets_nobody_in(client, invitation, facts, says):
    opened_before = Client()
    join(opened_before, invitation)
    Invitation.objects.update(**facts)
    assert says in join(client, invitation).content.decode()
    assert "Ask an admin" in opened_before.get(reverse("account_signup")).content.decode()


def test_a_mistyped_one_is_none(client, invitation):
    secret = invitations.secret(invitation)
    for wrong in (secret[:-1], "x" * len(secret), invitation.number):
        answer = client.get(reverse("join", args=[wrong]))
        assert (answer.status_code, "no such invitation" in answer.content.decode()) == (404, True)


def test_where_sign_up_is_closed_it_opens_nothing(client, settings, invitation):
    settings.EARSHOT_SIGN_UP = "closed"
    join(client, invitation)
    assert "Ask an admin" in client.get(reverse("account_signup")).content.decode()


class TestInviting:
    def test_by_mail(self, client, admin):
        client.force_login(admin)
        assert client.post(PAGE, {"email": "Zoe@example.org", "lasts": "7"}).status_code == 302
        (sent,) = mail.outbox
        secret = invitations.secret(Invitation.objects.get())
        assert (sent.to, sent.reply_to) == (["zoe@example.org"], ["root@example.org"])
        assert f"/join/{secret}/" in sent.body
        browser = Client()
        page = browser.get(join(browser, Invitation.objects.get()).url).content.decode()
        assert 'value="zoe@example.org"' in page

    def test_by_an_address_to_copy_until_it_is_used(self, client, admin):
        client.force_login(admin)
        client.post(PAGE, {"email": "", "lasts": "1"})
        made = Invitation.objects.get()
        assert mail.outbox == []
        assert invitations.secret(made) in client.get(PAGE).content.decode()
        client.post(f"{PAGE}{made.pk}/revoke/")
        page = client.get(PAGE).content.decode()
        assert invitations.secret(made) not in page
        assert "Revoked" in page

    @pytest.mark.parametrize(("wrong", "field"), [({"email": "zoe"}, "email"), ({"lasts": "9999"}, "lasts")])
    def test_what_is_wrong_stands_at_the_field(self, client, admin, wrong, field):
        client.force_login(admin)
        answer = client.post(PAGE, {"email": "", "lasts": "7", **wrong})
        assert list(answer.context["form"].errors) == [field]
        assert not Invitation.objects.exists()

    def test_members_only_where_they_may_and_each_sees_their_own(self, ana, people, settings, invitation):
        assert ana.get(PAGE).status_code == ana.post(PAGE, {"lasts": "7"}).status_code == 403
        settings.EARSHOT_MEMBERS_INVITE = True
        ana.post(PAGE, {"email": "", "lasts": "7"})
        own = Invitation.objects.get(made_by=people.ana)
        page = ana.get(PAGE).content.decode()
        assert invitations.secret(own) in page
        assert invitations.secret(invitation) not in page
        assert ana.post(f"{PAGE}{invitation.pk}/revoke/").status_code == 404
        settings.EARSHOT_SIGN_UP = "closed"
        assert ana.get(PAGE).status_code == 403

    def test_not_without_signing_in(self, client, invitation):
        assert client.get(PAGE).url.startswith(reverse("account_login"))
        assert client.post(f"{PAGE}{invitation.pk}/revoke/").url.startswith(reverse("account_login"))
