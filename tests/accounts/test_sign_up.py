import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import handles
from accounts.models import User
from tests.support.people import make_person

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db

FACTS = {"name": "Zoë  de Vries", "username": "", "email": "Zoe@example.org", "password1": PASSWORD}


@pytest.fixture
def open_to_all(settings):
    settings.EARSHOT_SIGN_UP = "open"


@pytest.mark.parametrize("policy", ["invite", "closed"])
def test_when_it_is_not_open_the_page_says_whom_to_ask(client, settings, policy):
    settings.EARSHOT_SIGN_UP = policy
    for answer in (client.get(reverse("account_signup")), client.post(reverse("account_signup"), FACTS)):
        assert "Ask an admin for an account" in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.usefixtures("open_to_all")
class TestWhenItIsOpen:
    def test_one_signs_up_and_is_in(self, client):
        answer = client.post(reverse("account_signup"), FACTS)
        assert (answer.status_code, answer.url) == (302, "/")
        user = User.objects.get()
        assert (user.name, user.handle, user.email) == ("Zoë de Vries", "zoe", "zoe@example.org")
        assert not user.is_staff and not user.is_superuser
        assert client.session["_auth_user_id"] == str(user.pk)

    def test_where_addresses_must_be_proved_one_is_not_in_yet(self, client, settings):
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        answer = client.post(reverse("account_signup"), FACTS)
        assert answer.url == reverse("account_email_verification_sent")
        assert "_auth_user_id" not in client.session
        assert mail.outbox[0].to == ["zoe@example.org"]

    def test_then_nobody_learns_who_has_an_account(self, client, settings, people):
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        new = Client().post(reverse("account_signup"), FACTS)
        known = Client().post(reverse("account_signup"), {**FACTS, "email": "Ana@example.org"})
        assert (known.status_code, known.url) == (new.status_code, new.url)
        assert not User.objects.filter(handle="zoe2").exists()
        assert mail.outbox[-1].to == ["ana@example.org"]
        assert "an account already" in mail.outbox[-1].subject

    def test_a_chosen_handle_may_begin_with_an_at_sign(self, client):
        client.post(reverse("account_signup"), {**FACTS, "username": "@Zed"})
        assert User.objects.get().handle == "zed"

    def test_who_takes_a_handle_in_the_same_moment_wins_and_the_other_is_told(self, client, monkeypatch):
        make_person("zed")
        monkeypatch.setattr(handles, "is_taken", lambda handle: False)  # as it was when the form looked
        answer = client.post(reverse("account_signup"), {**FACTS, "username": "zed"}, follow=True)
        assert "Somebody took that handle in the same moment." in answer.content.decode()
        assert User.objects.count() == 1

    def test_a_taken_handle_gets_a_free_one_proposed(self, client):
        make_person("zed")
        answer = client.post(reverse("account_signup"), {**FACTS, "username": "ZED"})
        assert answer.context["form"].errors["username"] == ["Somebody has this handle already. @zed2 is free."]

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "x" * 81}, "name"),
            ({"username": "no spaces"}, "username"),
            ({"username": "admin"}, "username"),
            ({"email": ""}, "email"),
            ({"email": "zoe"}, "email"),
            ({"password1": "short"}, "password1"),
        ],
    )
    def test_what_is_wrong_stands_at_the_field(self, client, wrong, field):
        answer = client.post(reverse("account_signup"), {**FACTS, **wrong})
        assert list(answer.context["form"].errors) == [field]
        page = answer.content.decode()
        assert f'id="id_{field}_error"' in page
        described = next(line for line in page.split("<input") if f'name="{field}"' in line)
        assert 'aria-invalid="true"' in described
        assert f"id_{field}_error" in described
        assert not User.objects.exists()


@pytest.mark.parametrize(
    ("name", "email", "handle"),
    [
        ("Ana Duarte", "a@example.org", "ana"),
        ("Zoë", "z@example.org", "zoe"),
        ("X Æ", "musk@example.org", "someone"),
        ("Li W", "l@example.org", "li"),
        ("山田太郎", "yamada.taro@example.org", "yamadataro"),
        ("🙂", "!@example.org", "someone"),
        ("Admin", "a@example.org", "admin2"),
    ],
)
def test_a_handle_is_proposed(name, email, handle):
    assert handles.suggest(name, email) == handle


def test_a_handle_is_proposed_that_is_free(db):
    taken = []
    for expected in ("ana", "ana.duarte", "ana.duarte2", "ana.duarte3"):
        handle = handles.suggest("Ana Duarte", "")
        assert handle == expected
        taken.append(make_person(handle))


def test_a_long_name_makes_a_handle_that_fits(db):
    make_person("a" * 14)
    for _ in range(3):
        User(
            handle=handles.suggest("a" * 80 + " " + "b" * 80, ""), email="x@y.org", name="x", password="x"
        ).full_clean()
        make_person(handles.suggest("a" * 80 + " " + "b" * 80, ""))
