from io import StringIO

import pytest
from django.core.management import call_command

from accounts import contacts
from accounts.models import User

pytestmark = pytest.mark.django_db


def demo() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_the_second_time_says_the_same_and_adds_nobody(settings):
    first = demo()
    assert first == demo()
    assert User.objects.count() == 7
    assert (settings.DATA / "demo-passwords.txt").stat().st_mode & 0o777 == 0o600
    for line in first.splitlines():
        if "password " in line and "handle " in line:
            handle, password = line.split("handle ")[1].split()[0], line.split("password ")[1]
            assert User.objects.get(handle=handle).check_password(password)


def test_there_is_no_admin_among_them_and_two_favour_each_other():
    demo()
    assert not User.objects.filter(is_staff=True).exists()
    ana, chen = User.objects.get(handle="ana"), User.objects.get(handle="chen")
    assert chen in contacts.favourites_of(ana)
    assert ana in contacts.favourites_of(chen)
    assert ana.emailaddress_set.get().verified


def test_what_they_changed_stays():
    demo()
    User.objects.filter(handle="ana").update(name="Ana D.")
    demo()
    assert User.objects.get(handle="ana").name == "Ana D."
