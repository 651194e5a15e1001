"""Who a socket belongs to: the session's user, read in one hop when the device says hello.

Channels' AuthMiddlewareStack takes several hops, ignores SECRET_KEY_FALLBACKS and writes sessions while reading
(FACTS.md, traps 10 and 16). Django's own `get_user` does none of that.
"""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.models import User

from . import clock


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


def over(sessions: set[str], *, deeply: bool) -> set[str]:
    """Those of these sessions that no longer sign anybody in.

    One query finds those that expired or were deleted. `deeply` also opens the others and asks who they sign in,
    which costs some 50 µs a session.
    """
    rows = (
        import_module(settings.SESSION_ENGINE)
        .SessionStore.get_model_class()
        .objects.filter(session_key__in=sessions, expire_date__gt=clock.now())
    )
    if not deeply:
        return sessions - set(rows.values_list("session_key", flat=True))
    opened = {row.session_key: row.get_decoded() for row in rows}
    people = User.objects.active().in_bulk({facts.get(SESSION_KEY) for facts in opened.values()} - {None})
    by_id = {str(pk): person for pk, person in people.items()}
    return sessions - {key for key, facts in opened.items() if _signs_in(facts, by_id.get(facts.get(SESSION_KEY)))}


def _signs_in(facts: dict[str, Any], user: User | None) -> bool:
    """Whether the session was begun with the password that is theirs still, as Django's own `get_user` asks."""
    if user is None:
        return False
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(facts.get(HASH_SESSION_KEY, ""), each) for each in valid)
