from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.availability import Span, until
from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name", ["settings", "settings-profile", "settings-do-not-disturb", "settings-hide-address", "account_email"]
)
def test_they_are_for_people_who_signed_in(client, name):
    assert client.post(reverse(name)).url.startswith(reverse("account_login"))


def test_a_name_and_a_handle_change(ana, people):
    answer = ana.post(reverse("settings-profile"), {"name": " Ana  Duarte ", "handle": "@Ana.D"})
    assert answer.url == reverse("settings")
    people.ana.refresh_from_db()
    assert (people.ana.name, people.ana.handle) == ("Ana Duarte", "ana.d")


def test_control_characters_are_no_part_of_a_name(ana, people):
    ana.post(reverse("settings-profile"), {"name": "E\x08v\x7fe \x1b \x9d\r\nAdams", "handle": "ana"})
    people.ana.refresh_from_db()
    assert people.ana.name == "Eve Adams"


@pytest.mark.parametrize(
    ("facts", "errors"),
    [
        ({"name": "\x08", "handle": "ana"}, {"name": ["Say what others should call you."]}),
        ({"name": "", "handle": "ana"}, {"name": ["Say what others should call you."]}),
        ({"name": "Ana", "handle": "BEN"}, {"handle": ["Somebody has this handle already. @ben2 is free."]}),
        ({"name": "Ana", "handle": ""}, {"handle": ["Choose a handle."]}),
    ],
)
def test_what_is_wrong_stands_at_the_field_and_nothing_changes(ana, people, facts, errors):
    answer = ana.post(reverse("settings-profile"), facts)
    assert answer.context["form"].errors == errors
    assert "@ana" in answer.content.decode(), "the page still shows who one is"
    people.ana.refresh_from_db()
    assert (people.ana.name, people.ana.handle) == ("Ana", "ana")


def test_do_not_disturb_goes_on_and_off(ana, people):
    ana.post(reverse("settings-do-not-disturb"), {"for": "hour"})
    people.ana.refresh_from_db()
    left = people.ana.do_not_disturb_until - timezone.now()
    assert 3590 < left.total_seconds() <= 3600
    assert "until" in ana.get(reverse("settings")).content.decode()
    ana.post(reverse("settings-do-not-disturb"), {"for": "off"})
    people.ana.refresh_from_db()
    assert people.ana.do_not_disturb_until is None


def test_a_span_that_does_not_exist_changes_nothing(ana, people):
    assert ana.post(reverse("settings-do-not-disturb"), {"for": "ever"}).status_code == 400
    people.ana.refresh_from_db()
    assert people.ana.do_not_disturb_until is None


@pytest.mark.parametrize(
    ("zone", "ends"),
    [
        ("Asia/Tokyo", datetime(2026, 11, 24, 23, tzinfo=UTC)),  # 24 November, 05:00 there: ends on the 25th
        ("America/New_York", datetime(2026, 11, 24, 13, tzinfo=UTC)),
        ("Mars/Olympus", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("../../etc/passwd", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("", datetime(2026, 11, 24, 8, tzinfo=UTC)),
    ],
)
def test_until_tomorrow_is_tomorrow_where_the_person_is(settings, zone, ends):
    settings.TIME_ZONE = "UTC"
    assert until(Span.TOMORROW, datetime(2026, 11, 23, 20, tzinfo=UTC), zone) == ends


def test_call_waiting_goes_off_and_on(ana, people):
    for wanted in ("off", "on"):
        ana.post(reverse("settings-call-waiting"), {"call_waiting": wanted})
        assert User.objects.get(pk=people.ana.pk).call_waiting is (wanted == "on")


def test_hiding_the_address_needs_a_relay(ana, people, settings):
    settings.TURN_URLS = []
    assert "Hide my address" not in ana.get(reverse("settings")).content.decode()
    ana.post(reverse("settings-hide-address"), {"hide_address": "on"})
    assert not User.objects.get(pk=people.ana.pk).hide_address

    settings.TURN_URLS = ["turn:turn.example.org"]
    assert "Hide my address" in ana.get(reverse("settings")).content.decode()
    ana.post(reverse("settings-hide-address"), {"hide_address": "on"})
    assert User.objects.get(pk=people.ana.pk).hide_address
    ana.post(reverse("settings-hide-address"))
    assert not User.objects.get(pk=people.ana.pk).hide_address


def test_the_page_holds_nothing_inline(ana):
    text = ana.get(reverse("settings")).content.decode()
    assert "style=" not in text
    assert "onclick=" not in text
