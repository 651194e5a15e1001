"""Who a socket belongs to: the session's user, read in one hop when the device says hello.

Channels' AuthMiddlewareStack takes several hops, ignores SECRET_KEY_FALLBACKS and writes sessions while reading
(FACTS.md, traps 10 and 16). Django's own `get_user` gives a session of an older SECRET_KEY a new key, of which a
socket cannot tell the browser. So nothing here writes.
"""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
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
    facts = _store()(key).load()
    user = User.objects.active().filter(pk=facts.get(SESSION_KEY)).first()
    return Identity(user, key) if user is not None and _signs_in(facts, user) else None


def over(sessions: set[str], *, deeply: bool) -> tuple[set[str], set[str]]:
    """Those of these sessions that have expired, and those that seem to sign nobody in.

    One query finds those that are not there. `deeply` also opens the others and asks who they sign in, which costs
    some 50 µs a session. Look twice: a session that is being given a new key is for a moment not there, then empty.
    """
    rows = _store().get_model_class().objects.filter(session_key__in=sessions)
    if not deeply:
        expiry = dict(rows.values_list("session_key", "expire_date"))
        good = set(expiry)
    else:
        opened = {row.session_key: row for row in rows}
        expiry = {key: row.expire_date for key, row in opened.items()}
        good = _signing_in({key: row.get_decoded() for key, row in opened.items()})
    expired = {key for key, date in expiry.items() if date <= clock.now()}
    return expired, sessions - good - expired


def _signing_in(opened: dict[str, dict[str, Any]]) -> set[str]:
    people = User.objects.active().in_bulk({facts.get(SESSION_KEY) for facts in opened.values()} - {None})
    by_id = {str(pk): person for pk, person in people.items()}
    return {key for key, facts in opened.items() if _signs_in(facts, by_id.get(facts.get(SESSION_KEY, "")))}


def _signs_in(facts: dict[str, Any], user: User | None) -> bool:
    """Whether the session was begun with the password that is theirs still, as Django's own `get_user` asks."""
    if user is None:
        return False
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(facts.get(HASH_SESSION_KEY, ""), each) for each in valid)


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore
