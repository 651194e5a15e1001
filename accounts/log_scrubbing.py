"""Takes a person out of the admin's log: what they did as an admin goes with them; what was done about them, and what
others searched for, stays without their name."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from django.contrib.admin.models import LogEntry
from django.db.models import Q

from .models import User

GONE = "…"

# In Django's own messages (`construct_change_message`) these name a model and its fields, never a person.
STRUCTURE = frozenset({"name", "fields"})

# Exports were once noted as the address had them: q=Ada+Lovelace&person=%40ada.
QUERY_STRING = re.compile(r"(?<!\S)[\w.~%+-]+=[\w.~%+=&-]*(?!\S)", re.ASCII)

Scrub = Callable[[str], str]


def scrub(person: User) -> None:
    LogEntry.objects.filter(object_id=str(person.pk)).update(object_repr="", object_id=None)
    scrubbed = _scrubber(person)
    for entry in LogEntry.objects.filter(_mention(person)):
        found = (_message(entry.change_message, scrubbed), scrubbed(entry.object_repr))
        if found != (entry.change_message, entry.object_repr):
            entry.change_message, entry.object_repr = found
            entry.save(update_fields=["change_message", "object_repr"])


def _ids(person: User) -> list[str]:
    return [person.email, str(person.pk), person.pk.hex]


def _mention(person: User) -> Q:
    """Entries that may mention them, as text, as JSON, or as a query string."""
    mention = Q()
    for trace in filter(None, (person.name, person.handle, *_ids(person))):
        for form in {trace, quote_plus(trace), quote(trace), json.dumps(trace)[1:-1]}:
            mention |= Q(change_message__icontains=form) | Q(object_repr__icontains=form)
    return mention


def _pattern(person: User) -> re.Pattern[str]:
    """Whole words only: "al" is in many others' entries, and in "al.b" and "al@example.org" it is another's.

    What could be an ordinary word, a handle or a name of one word, counts as it is written; in any case only where
    somebody was asked for, as in "@Al" and "q=al".
    """
    anywhere = [re.escape(each) for each in _ids(person) if each]
    words = [re.escape(person.handle)]
    if name := re.escape(person.name):
        (anywhere if " " in person.name else words).append(name)
    either = "|".join((*(f"(?i:{each})" for each in anywhere), *words, *(f"(?<=[@=])(?i:{each})" for each in words)))
    return re.compile(rf"(?<![\w.-])(?:{either})(?![\w@-]|\.\w)")


def _scrubber(person: User) -> Scrub:
    pattern = _pattern(person)

    def scrubbed(text: str) -> str:
        plain = QUERY_STRING.sub(lambda found: unquote_plus(found[0]), text)
        clean = pattern.sub(GONE, plain)
        return text if clean == plain else clean

    return scrubbed


def _message(text: str, scrubbed: Scrub) -> str:
    """Django's own messages are JSON, which stays whole; others are plain text."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return scrubbed(text)
    clean = _values(parsed, scrubbed)
    return text if clean == parsed else json.dumps(clean)


def _values(value: Any, scrubbed: Scrub) -> Any:
    match value:
        case str():
            return scrubbed(value)
        case list():
            return [_values(each, scrubbed) for each in value]
        case dict():
            return {key: each if key in STRUCTURE else _values(each, scrubbed) for key, each in value.items()}
        case _:
            return value
