"""Who a socket belongs to: the session's user, read in one hop when the device says hello.

Channels' AuthMiddlewareStack takes several hops, ignores SECRET_KEY_FALLBACKS and writes sessions while reading
(FACTS.md, traps 10 and 16). Django's own `get_user` does none of that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from accounts.models import User


@dataclass(frozen=True, slots=True)
class Identity:
    user: User
    session: str


def session_key(scope: dict[str, Any]) -> str | None:
    """The session cookie of an ASGI scope; None if there is none."""
    raw = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    try:
        morsel = SimpleCookie(raw.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return morsel.value if morsel else None


def identify(key: str) -> Identity | None:
    """The active user of this session; None if it is over, or its password has changed since."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return Identity(user, key) if isinstance(user, User) and user.is_active else None


def over(sessions: Iterable[str]) -> list[str]:
    """Those of these sessions that no longer sign anybody in."""
    return [key for key in sessions if identify(key) is None]
