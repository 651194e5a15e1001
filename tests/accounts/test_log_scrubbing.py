"""Erasing somebody takes them out of the admin's log, and leaves what it says of others as it was."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from accounts import erasure
from accounts.models import User
from tests.support.people import make_person

pytestmark = pytest.mark.django_db


def logged(message: str, about: str = "Call log") -> LogEntry:
    return LogEntry.objects.create(
        user=User.objects.get(handle="ana"),
        content_type=ContentType.objects.get_for_model(User),
        object_repr=about,
        action_flag=CHANGE,
        change_message=message,
    )


def said(entry: LogEntry) -> tuple[str, str]:
    entry.refresh_from_db()
    return entry.object_repr, entry.change_message


def changed(thing: str) -> str:
    """As Django notes a change of something that belongs to a person."""
    return json.dumps([{"changed": {"name": "Call", "object": thing, "fields": ["Name", "Call"]}}])


@pytest.mark.parametrize(
    ("handle", "name"), [("al", "Al"), ("cal", "Cal"), ("name", "Name"), ("csv", "Bob Callow"), ("chang", "Chan")]
)
def test_others_entries_stay_as_they_were(people: Any, handle: str, name: str) -> None:
    kept = [
        (logged(message, about), message, about)
        for message, about in [
            ("Exported as xlsx: q=Alan Callowitz, person=@al.b, state=challenged", "Call log"),
            ("Exported as json: q=alan%40example.org&person=al-b", "Alan Chang-Challenger"),
            (changed("al@example.com, alan, Callowitz"), "Bob Callowitz"),
        ]
    ]
    erasure.erase(make_person(handle, name=name))
    for entry, message, about in kept:
        assert said(entry) == (about, message)


@pytest.mark.parametrize(
    ("message", "after"),
    [
        ("Exported as csv: q=Al", "Exported as csv: q=…"),
        ("Exported as csv: q=al, person=@AL.G", "Exported as csv: q=…, person=@…"),
        ("Exported as csv: person=%40al.g&state=ended", "Exported as csv: person=@…&state=ended"),
        ("Exported as csv: q=AL.G%40example.org", "Exported as csv: q=…"),
    ],
)
def test_a_name_of_one_word_and_a_handle_go(people: Any, message: str, after: str) -> None:
    entry = logged(message, "Al (al.g)")
    erasure.erase(make_person("al.g", name="Al"))
    assert said(entry) == ("… (…)", after)


@pytest.mark.parametrize("name", ["Zoë Brontë", 'Zoë "Quote" Smith', "Zoë \\ Smith, Ltd."])
def test_a_name_of_several_words_goes_however_it_was_written(people: Any, name: str) -> None:
    written = [logged(f"Exported as csv: q={each}") for each in (name, name.replace("Z", "z").replace("S", "s"))]
    in_json = logged(changed(f"Ask {name}!"))
    erasure.erase(make_person("zoe", name=name))
    assert {said(entry)[1] for entry in written} == {"Exported as csv: q=…"}
    assert json.loads(said(in_json)[1]) == json.loads(changed("Ask …!"))


def test_a_name_that_is_a_word_of_djangos_leaves_its_messages_whole(people: Any) -> None:
    entry = logged(changed("Name"))
    erasure.erase(make_person("changed", name="Name"))
    assert LogEntry.objects.get(pk=entry.pk).get_change_message()
    assert json.loads(said(entry)[1]) == [{"changed": {"name": "Call", "object": "…", "fields": ["Name", "Call"]}}]
