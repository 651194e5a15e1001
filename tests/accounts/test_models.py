from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from accounts.models import HUES, Block, Favourite, User
from tests.support.people import make_person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("field", "value"), [("handle", "ANA"), ("email", "ANA@EXAMPLE.ORG")])
def test_two_people_cannot_differ_by_case_alone(people, field, value):
    other = User(**{"handle": "other", "email": "other@example.org", "name": "Other", field: value})
    with pytest.raises(IntegrityError):
        other.save()


@pytest.mark.parametrize(("field", "value"), [("handle", "ANA"), ("email", "ANA@EXAMPLE.ORG")])
def test_a_form_says_so_at_the_field(people, field, value):
    other = User(**{"handle": "other", "email": "other@example.org", "name": "Other", "password": "x"})
    setattr(other, field, value)
    if field == "handle":
        other.handle = value.lower()  # what the form's own field makes of it
    with pytest.raises(ValidationError) as error:
        other.full_clean()
    assert list(error.value.message_dict) == [field]


def test_handles_and_addresses_are_kept_in_lower_case(db):
    user = User.objects.create_user("Ana.D", "Ana@Example.org", name="Ana")
    assert (user.handle, user.email) == ("ana.d", "ana@example.org")
    assert User.objects.get_by_natural_key("ANA.D") == user


@pytest.mark.parametrize("handle", ["a1", "0x", "a.b-c_d", "a" * 30])
def test_a_handle_may_be(handle):
    User(handle=handle, email="a@example.org", name="A", password="x").full_clean()


@pytest.mark.parametrize("handle", ["a", ".ab", "-ab", "_ab", "a b", "a@b", "añb", "a\n", "a" * 31])
def test_a_handle_may_not_be(handle):
    with pytest.raises(ValidationError) as error:
        User(handle=handle, email="a@example.org", name="A", password="x").full_clean()
    assert list(error.value.message_dict) == ["handle"]


def test_a_person_needs_a_handle_and_an_address(db):
    with pytest.raises(ValueError):
        User.objects.create_user("", "a@example.org")
    with pytest.raises(ValueError):
        User.objects.create_user("ana", "")


def test_without_a_password_nobody_signs_in(db):
    assert not make_person("ana").has_usable_password()


@pytest.mark.parametrize("relation", [Favourite, Block])
def test_nobody_favours_or_blocks_themselves(people, relation):
    with pytest.raises(IntegrityError):
        relation.objects.create(owner=people.ana, person=people.ana)


@pytest.mark.parametrize("relation", [Favourite, Block])
def test_nobody_favours_or_blocks_the_same_person_twice(people, relation):
    relation.objects.create(owner=people.ana, person=people.ben)
    relation.objects.create(owner=people.ben, person=people.ana)
    with pytest.raises(IntegrityError):
        relation.objects.create(owner=people.ana, person=people.ben)


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ana Duarte", "AD"),
        ("ana", "A"),
        ("Ana Maria de Souza", "AS"),
        ("  Ana  ", "A"),
        ("", "A"),
        ("山田 太郎", "山太"),
    ],
)
def test_initials_are_of_the_first_and_the_last_word(name, initials):
    assert User(name=name, handle="ana").initials == initials


def test_the_hue_comes_from_the_id_and_stays():
    assert User(id=UUID("00190000-0000-4000-8000-000000000000")).hue == 0x0019 % HUES
    assert User(id=UUID("ffff0000-0000-4000-8000-000000000000")).hue == 0xFFFF % HUES


def test_do_not_disturb_ends_at_its_moment():
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert not User().is_undisturbed(now)
    assert not User(do_not_disturb_until=now).is_undisturbed(now)
    assert User(do_not_disturb_until=now + timedelta(seconds=1)).is_undisturbed(now)
