"""Handles: which are free, and which to propose to people who have not chosen one or chose one that is taken."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import count

from .models import HANDLE_LENGTH, User

# Handles that would read as somebody official.
RESERVED = frozenset({"admin", "administrator", "earshot", "everyone", "help", "here", "root", "support", "system"})


def is_taken(handle: str) -> bool:
    return handle in RESERVED or User.objects.filter(handle=handle).exists()


def suggest(name: str, email: str) -> str:
    """A free handle, made from the name, or from the e-mail address where the name has no Latin letters."""
    words = [word for word in map(_plain, name.split()) if word] or [_plain(email.partition("@")[0])]
    first, full = words[0], ".".join([words[0], *words[1:][-1:]])
    if len(first) >= 2 and not is_taken(first):
        return first
    stem = full if len(full) >= 2 else "someone"
    return stem if not is_taken(stem) else next_to(stem)


def next_to(handle: str) -> str:
    """A free handle like this one: `ana2`."""
    return next(other for other in _numbered(handle) if not is_taken(other))


def _numbered(stem: str) -> Iterator[str]:
    for number in count(2):
        yield f"{stem[: HANDLE_LENGTH - len(str(number))]}{number}"


def _plain(text: str) -> str:
    """The text in the letters and digits that a handle may have: `Zoë` as `zoe`. Two of them fit into one."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", ascii_only.lower())[: (HANDLE_LENGTH - 1) // 2]
