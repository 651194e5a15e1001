import re

import pytest
from django.core import mail
from django.urls import reverse

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db

OTHER_PASSWORD = "seven quiet elevators"


def sign_in(client, login, password=PASSWORD):
    return client.post(reverse("account_login"), {"login": login, "password": password})


@pytest.mark.parametrize("login", ["ana", "ANA", "@ana", " ana ", "ana@example.org", "Ana@Example.ORG"])
def test_with_handle_or_address(client, people, login):
    answer = sign_in(client, login)
    assert (answer.status_code, answer.url) == (302, "/")
    assert client.session["_auth_user_id"] == str(people.ana.pk)


def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(client, people):
    errors = [sign_in(client, login, "wrong").context["form"].errors for login in ("ana", "nobody", "no@example.org")]
    assert errors[0] == errors[1] == errors[2]
    assert list(errors[0]) == ["password"]


def test_a_closed_account_says_whom_to_ask(client, people):
    people.ana.is_active = False
    people.ana.save()
    answer = sign_in(client, "ana")
    assert client.get(answer.url).content.decode().count("An admin closed it") == 1
    assert "_auth_user_id" not in client.session


def test_after_many_wrong_passwords_one_has_to_wait(client, people):
    for _ in range(10):
        answer = sign_in(client, "ana", "wrong")
    if answer.status_code != 429:
        assert "Wait" in str(answer.context["form"].errors)
    assert "_auth_user_id" not in client.session


def test_signing_out_takes_a_button(ana):
    assert ana.get(reverse("account_logout")).status_code == 200
    assert "_auth_user_id" in ana.session
    ana.post(reverse("account_logout"))
    assert "_auth_user_id" not in ana.session


def test_resetting_a_password(client, people):
    client.post(reverse("account_reset_password"), {"email": "ana@example.org"})
    assert mail.outbox[0].to == ["ana@example.org"]
    link = re.search(r"http://testserver(\S+)", mail.outbox[0].body)[1]
    page = client.get(link)
    client.post(page.url, {"password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD})
    assert sign_in(client, "ana", OTHER_PASSWORD).status_code == 302
    client.logout()
    assert "used up" in client.get(link, follow=True).content.decode()


def test_a_reset_for_nobody_looks_the_same(client, people):
    known = client.post(reverse("account_reset_password"), {"email": "ana@example.org"})
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


def test_changing_the_password_keeps_one_in(ana, people):
    url = reverse("account_change_password")
    new = {"password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}
    wrong = ana.post(url, {"oldpassword": "wrong", **new})
    assert list(wrong.context["form"].errors) == ["oldpassword"]
    assert ana.post(url, {"oldpassword": PASSWORD, **new}).url == reverse("settings")
    assert ana.get(reverse("settings")).status_code == 200
    people.ana.refresh_from_db()
    assert people.ana.check_password(OTHER_PASSWORD)


def test_a_new_address_counts_when_its_link_is_followed(ana, people):
    ana.post(reverse("account_email"), {"action_add": "yes", "email": "new@example.org"})
    people.ana.refresh_from_db()
    assert people.ana.email == "ana@example.org"
    link = re.search(r"http://testserver(\S+)", mail.outbox[-1].body)[1]
    assert "Is this your address?" in ana.get(link).content.decode()
    ana.post(link)
    people.ana.refresh_from_db()
    assert people.ana.email == "new@example.org"
    assert [address.email for address in people.ana.emailaddress_set.all()] == ["new@example.org"]


@pytest.mark.parametrize(
    "page", ["account_login", "account_reset_password", "account_reset_password_done", "account_inactive"]
)
def test_the_pages_need_no_script_and_no_inline_style(client, db, page):
    text = client.get(reverse(page)).content.decode()
    assert "<script" not in text
    assert "style=" not in text
