"""Typed readers of the environment that fail loudly: a wrong value gets a sentence, not a guess."""

import os
import secrets
from math import inf
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from accounts.private_file import made_once

read = environ.Env()

# A hundred years: what goes beyond the calendar is a slip of the finger.
DAYS_MAX = 36_500


def seconds(name: str, default: float) -> float:
    """A positive duration in seconds, from EARSHOT_<name>."""
    return default if (given := seconds_or_none(name)) is None else given


def seconds_or_none(name: str) -> float | None:
    """The same; None where it is not set."""
    text = read.str(f"EARSHOT_{name}", default="")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < inf:
        raise ImproperlyConfigured(f"EARSHOT_{name} is {text!r}; it must be a number of seconds above 0.")
    return value


def days(name: str, default: int) -> int:
    """A number of days, 0 or more."""
    text = read.str(name, default=str(default))
    if not text.isascii() or not text.isdigit() or int(text) > DAYS_MAX:
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a number of days, or 0 for good.")
    return int(text)


def choice(name: str, options: tuple[str, ...], default: str) -> str:
    value = read.str(name, default=default)
    if value not in options:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(options)}.")
    return str(value)


def origins(name: str, default: str) -> list[str]:
    """Whole origins, separated by spaces: scheme, host and, where it is not the usual one, port."""
    values = read.str(name, default=default).split()
    for value in values:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or value != f"{parts.scheme}://{parts.netloc}":
            raise ImproperlyConfigured(
                f"{name} has {value!r}; an origin is like https://calls.example.org, without a path."
            )
    return list(values)


def hosts_of(origins: list[str]) -> list[str]:
    """The host names of these origins, as ALLOWED_HOSTS wants them."""
    return sorted({f"[{h}]" if ":" in (h := urlsplit(each).hostname or "") else h for each in origins})


def secret_key(folder: Path) -> str:
    """Django's SECRET_KEY: from the environment, or made at the first run and kept in the data folder."""
    if key := read.str("SECRET_KEY", default=""):
        return str(key)
    return made_once(folder / "secret_key", lambda: secrets.token_urlsafe(64)).strip()


def write_secret_key(folder: Path, key: str) -> None:
    """Put this key in the place of the one that was made."""
    new = folder / "secret_key.new"
    with open(new, "w", opener=_private) as out:
        out.write(key)
    new.replace(folder / "secret_key")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
