import re

import pytest
from django.core import mail
from django.urls import reverse

from accounts.models import User

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client, admin):
    """The admin's browser."""
    client.force_login(admin)
    return client


def test_an_admin_adds_a_person_who_then_chooses_a_password(office, client):
    page = office.post(
        reverse("admin:accounts_user_add"),
        {"name": "Ben Ito", "handle": "Ben", "email": "Ben@example.org"},
        follow=True,
    )
    assert "Ask Ben Ito to choose a password" in page.content.decode()
    ben = User.objects.get(handle="ben")
    assert (ben.email, ben.has_usable_password()) == ("ben@example.org", False)

    client.logout()
    client.post(reverse("account_reset_password"), {"email": "ben@example.org"})
    link = re.search(r"http://testserver(\S+)", mail.outbox[-1].body)[1]
    client.post(client.get(link).url, {"password1": PASSWORD, "password2": PASSWORD})
    client.post(reverse("account_login"), {"login": "ben", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(ben.pk)
    assert ben.emailaddress_set.get().verified


def test_the_lists_and_forms_open(office, admin):
    assert office.get(reverse("admin:accounts_user_changelist"), {"q": "ada"}).status_code == 200
    assert office.get(reverse("admin:accounts_user_change", args=[admin.pk])).status_code == 200
    assert office.get(reverse("admin:accounts_block_changelist")).status_code == 200


def test_closing_accounts_spares_ones_own(office, admin, people):
    everyone = [str(pk) for pk in User.objects.values_list("pk", flat=True)]
    url = reverse("admin:accounts_user_changelist")
    asked = office.post(url, {"action": "deactivate", "_selected_action": everyone})
    assert "Close the account?" in asked.content.decode()
    assert User.objects.active().count() == 4
    office.post(url, {"action": "deactivate", "_selected_action": everyone, "confirmed": "yes"})
    assert [user.handle for user in User.objects.active()] == [admin.handle]
    office.post(url, {"action": "activate", "_selected_action": everyone})
    assert User.objects.active().count() == 4


def test_a_stranger_does_not_get_in(client, people):
    client.force_login(people.sam)
    answer = client.get(reverse("admin:accounts_user_changelist"))
    assert answer.status_code in (302, 403)
