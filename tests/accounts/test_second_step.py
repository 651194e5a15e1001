"""The second step: set up in the settings, asked for by every sign-in, the admin's included."""

import base64
import re
from io import StringIO
from time import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.second_step import SecondStepAdapter

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time()) // 30))


def turn_on(browser: Client) -> str:
    """Set it up as a person does, from signing in to typing the code; the secret."""
    url = reverse("mfa_activate_totp")
    page = browser.get(url)
    if page.status_code == 302:  # a sign-in from a while ago must be confirmed
        browser.post(page.url, {"password": PASSWORD})
        page = browser.get(url)
    secret = page.context["form"].secret
    assert secret in page.content.decode()
    assert browser.post(url, {"code": code_of(secret)}).status_code == 302
    cache.clear()  # a code is good once
    return secret


def sign_in(browser: Client, login: str, next_: str = "/") -> Any:
    return browser.post(f"{reverse('account_login')}?next={next_}", {"login": login, "password": PASSWORD})


@pytest.fixture
def secret(client: Client, people: Any) -> str:
    sign_in(client, "ana")
    return turn_on(client)


def test_the_password_alone_lets_nobody_in_any_more(secret: str, people: Any) -> None:
    browser = Client()
    answer = sign_in(browser, "ana")
    assert answer.url.startswith(reverse("mfa_authenticate"))
    assert "_auth_user_id" not in browser.session
    assert browser.get("/calls/").status_code == 302


def test_the_code_does(secret: str, people: Any) -> None:
    browser = Client()
    sign_in(browser, "ana")
    browser.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert browser.session["_auth_user_id"] == str(people.ana.pk)


def test_a_wrong_code_does_not_and_says_what_to_do(secret: str) -> None:
    browser = Client()
    sign_in(browser, "ana")
    page = browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert "This is not the code." in page.content.decode()
    assert "_auth_user_id" not in browser.session


def test_wrong_codes_are_slowed_down(secret: str) -> None:
    browser = Client()
    sign_in(browser, "ana")
    pages = [browser.post(reverse("mfa_authenticate"), {"code": "000000"}) for _ in range(12)]
    refused = browser.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert "_auth_user_id" not in browser.session, (pages[-1].status_code, refused.status_code)


def test_a_code_is_good_once(secret: str) -> None:
    code = code_of(secret)
    for browser, lets_in in ((Client(), True), (Client(), False)):
        sign_in(browser, "ana")
        browser.post(reverse("mfa_authenticate"), {"code": code})
        assert ("_auth_user_id" in browser.session) is lets_in


def test_a_recovery_code_is_good_once(client: Client, secret: str) -> None:
    page = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    codes = re.findall(r"<li><code>(\w+)</code>", page)
    assert len(codes) == 10
    for browser, lets_in in ((Client(), True), (Client(), False)):
        sign_in(browser, "ana")
        browser.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert ("_auth_user_id" in browser.session) is lets_in


def test_the_admin_has_the_same_door(client: Client, admin: Any, people: Any) -> None:
    sign_in(client, "root.one")
    secret = turn_on(client)
    browser = Client()
    assert reverse("account_login") in browser.get("/admin/", follow=True).redirect_chain[-1][0]
    sign_in(browser, "root.one", "/admin/")
    assert browser.get("/admin/calls/call/").status_code == 302
    assert browser.post(reverse("mfa_authenticate"), {"code": code_of(secret)}).url == "/admin/"
    assert browser.get("/admin/").status_code == 200


def test_after_many_wrong_passwords_the_admins_door_waits_too(client: Client, admin: Any) -> None:
    login = client.get("/admin/", follow=True).redirect_chain[-1][0]
    for _ in range(10):
        client.post(login, {"login": "root.one", "password": "wrong"})
    answer = client.post(login, {"login": "root.one", "password": PASSWORD})
    assert "_auth_user_id" not in client.session, answer.status_code


def test_it_can_be_turned_off(client: Client, secret: str, people: Any) -> None:
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.exists()
    browser = Client()
    sign_in(browser, "ana")
    assert "_auth_user_id" in browser.session


def test_the_pages_say_how_it_stands(client: Client, secret: str) -> None:
    for name in ("mfa_index", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_deactivate_totp"):
        assert client.get(reverse(name)).status_code == 200, name
    assert "On: a code from an app" in client.get(reverse("settings")).content.decode()
    assert "10 codes are left" in client.get(reverse("mfa_index")).content.decode()


class TestKept:
    def test_the_database_alone_has_no_key(self, secret: str) -> None:
        stored = str(list(Authenticator.objects.values_list("data", flat=True)))
        assert secret not in stored
        assert base64.b32decode(secret).hex() not in stored

    def test_a_rotated_key_still_opens_it(self, settings: Any) -> None:
        kept = SecondStepAdapter().encrypt("the secret")
        replace_key(settings)
        assert SecondStepAdapter().decrypt(kept) == "the secret"
        settings.SECRET_KEY_FALLBACKS = []
        with pytest.raises(ValidationError):
            SecondStepAdapter().decrypt(kept)


def test_the_stored_key_is_the_one_that_was_shown(secret: str, people: Any) -> None:
    assert TOTP(Authenticator.objects.get(type="totp")).validate_code(code_of(secret))


def replace_key(settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key, long and random enough for anybody"


class TestAKeyThatIsGone:
    @pytest.fixture(autouse=True)
    def gone(self, secret: str, settings: Any) -> None:
        replace_key(settings)
        settings.SECRET_KEY_FALLBACKS = []

    def test_lets_nobody_in_and_is_a_wrong_code_to_them_and_an_error_in_the_log(
        self, secret: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = Client()
        sign_in(browser, "ana")
        page = browser.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
        assert (page.status_code, "This is not the code." in page.content.decode()) == (200, True)
        assert "_auth_user_id" not in browser.session
        (record,) = [each for each in caplog.records if each.name == "accounts.second_step"]
        assert record.levelname == "ERROR" and "SECRET_KEY_FALLBACKS" in record.getMessage()

    def test_the_page_of_somebody_signed_in_says_how_to_set_it_up_again(self, people: Any) -> None:
        browser = Client()
        browser.force_login(people.ana)
        page = browser.get(reverse("mfa_index")).content.decode()
        assert "cannot be read any more" in page and "Show them" not in page
        assert reverse("mfa_deactivate_totp") in page

    def test_rotating_says_whose_it_cannot_read_and_leaves_it(self) -> None:
        before = list(Authenticator.objects.values_list("data", flat=True))
        out = StringIO()
        with pytest.raises(CommandError, match=r"2 could not be read.*@ana$"):
            call_command("rotate_keys", stdout=out)
        assert "Under the newest key: 0" in out.getvalue()
        assert list(Authenticator.objects.values_list("data", flat=True)) == before


class TestRotating:
    def test_puts_every_second_step_under_the_newest_key(self, secret: str, people: Any, settings: Any) -> None:
        recovery = Authenticator.objects.get(type="recovery_codes")
        codes = recovery.wrap().get_unused_codes()
        assert recovery.wrap().validate_code(codes[0])
        replace_key(settings)
        out = StringIO()
        call_command("rotate_keys", stdout=out)
        assert "Under the newest key: 2" in out.getvalue()
        settings.SECRET_KEY_FALLBACKS = []
        assert Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes() == codes[1:]
        browser = Client()
        sign_in(browser, "ana")
        browser.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
        assert browser.session["_auth_user_id"] == str(people.ana.pk)


class TestResetting:
    def test_then_the_password_alone_signs_them_in(self, secret: str, people: Any) -> None:
        call_command("reset_second_step", "@Ana", stdout=StringIO())
        browser = Client()
        sign_in(browser, "ana")
        assert browser.session["_auth_user_id"] == str(people.ana.pk)

    def test_is_theirs_alone(self, secret: str, people: Any) -> None:
        for handle, sentence in (("ben", "Ben has no second step"), ("nobody", "Nobody has the handle")):
            with pytest.raises(CommandError, match=sentence):
                call_command("reset_second_step", handle)
        assert Authenticator.objects.filter(user=people.ana).count() == 2
