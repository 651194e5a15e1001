import pytest
from django.urls import reverse

from accounts import setup
from accounts.models import User

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db

FACTS = {"name": "Ada Admin", "handle": "@Ada", "email": "Ada@example.org", "password": PASSWORD}


def address() -> str:
    url = setup.setup_url("http://testserver")
    assert url is not None
    return url


def test_the_address_is_the_same_until_it_is_used(settings):
    assert address() == address()
    assert (settings.DATA / "setup_token").stat().st_mode & 0o777 == 0o600


def test_it_makes_an_admin_once_and_signs_them_in(client):
    url = address()
    assert client.get(url).status_code == 200
    answer = client.post(url, FACTS)
    user = User.objects.get()
    assert (answer.status_code, answer.url) == (302, "/")
    assert (user.handle, user.email, user.is_staff, user.is_superuser) == ("ada", "ada@example.org", True, True)
    assert user.emailaddress_set.get().verified
    assert client.session["_auth_user_id"] == str(user.pk)
    assert setup.setup_url("http://testserver") is None

    for again in (client.get(url), client.post(url, {**FACTS, "handle": "eve", "email": "eve@example.org"})):
        assert again.status_code == 404
        assert "It is set up already" in again.content.decode()
    assert User.objects.count() == 1


def test_a_wrong_token_makes_nobody(client):
    address()
    for answer in (client.get(reverse("setup", args=["guess"])), client.post(reverse("setup", args=["guess"]), FACTS)):
        assert answer.status_code == 404
        assert "This is not the set-up address" in answer.content.decode()
    assert not User.objects.exists()


def test_before_the_first_start_there_is_no_token_to_guess(client):
    assert client.get(reverse("setup", args=["guess"])).status_code == 404


def test_an_admin_made_otherwise_ends_it(client):
    url = address()
    User.objects.create_superuser("root.one", "root@example.org", PASSWORD, name="Root")
    assert client.get(url).status_code == 404
    assert setup.setup_url("http://testserver") is None


def test_of_two_at_once_one_is_made(client):
    """Both have passed the check of the token; the second finds its file gone, and its account is undone."""
    address()
    assert setup.make_first_admin(handle="ada", email="ada@example.org", password=PASSWORD, name="Ada") is not None
    for handle in ("eve", "ada"):
        facts = {"handle": handle, "email": f"{handle}@example.org", "password": PASSWORD, "name": handle}
        assert setup.make_first_admin(**facts) is None
    assert [user.handle for user in User.objects.all()] == ["ada"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"handle": "a b"}, "handle"),
        ({"email": "ada"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "1234567890"}, "password"),
        ({"handle": "ada.lovelace", "password": "ada.lovelace"}, "password"),
    ],
)
def test_what_is_wrong_stands_at_the_field(client, wrong, field):
    answer = client.post(address(), {**FACTS, **wrong})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not User.objects.exists()
