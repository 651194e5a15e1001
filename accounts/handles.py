"""Handles proposed to people who have not chosen one."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import count

from .models import HANDLE_LENGTH, User

# Handles that would read as somebody official, or as a page.
RESERVED = frozenset({"admin", "administrator", "earshot", "everyone", "help", "here", "root", "support", "system"})


def suggest_handle(name: str, email: str) -> str:
    """A free handle, made from the name, or from the e-mail address where the name has no Latin letters."""
    return next(handle for handle in _candidates(name, email) if not is_taken(handle))


def is_taken(handle: str) -> bool:
    return handle in RESERVED or User.objects.filter(handle=handle).exists()


def _candidates(name: str, email: str) -> Iterator[str]:
    words = [word for word in map(_plain, name.split()) if word] or [_plain(email.partition("@")[0])]
    first, full = words[0], ".".join([words[0], *words[1:][-1:]])
    if len(first) >= 2:
        yield first
    stem = full if len(full) >= 2 else "someone"
    yield stem
    for number in count(2):
        yield f"{stem[: HANDLE_LENGTH - len(str(number))]}{number}"


def _plain(text: str) -> str:
    """The text in the letters and digits that a handle may have: `Zoë` as `zoe`."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", ascii_only.lower())[: HANDLE_LENGTH // 2 - 1]
