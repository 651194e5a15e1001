"""Who a socket belongs to: the session's user, read in one hop when the device says hello.

Channels' AuthMiddlewareStack takes several hops, ignores SECRET_KEY_FALLBACKS and writes sessions while reading
(docs/holding.md, traps 10 and 16). Django's own `get_user` gives a session of an older SECRET_KEY a new key, of which a
socket cannot tell the browser. So nothing here writes.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db.models import QuerySet
from django.http.cookie import parse_cookie
from django.utils.crypto import constant_time_compare

from accounts.models import User

from . import clock
from .models import Guest

# Where a guest's session keeps their id.
GUEST_KEY = "guest"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a session belongs to: somebody with an account, or a guest."""

    person: User | Guest
    session: str


def session_key(scope: dict[str, Any]) -> str | None:
    """The session cookie of an ASGI scope; None if there is none."""
    raw = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    # The standard library's parser stops at the first cookie that it does not like, and others set some for our host.
    return parse_cookie(raw.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)


def identify(key: str) -> Identity | None:
    """The active user of this session, or its guest; None if it is over, its password or its link no longer good."""
    facts = _store()(key).load()
    user = User.objects.active().filter(pk=facts.get(SESSION_KEY)).first()
    if user is not None:
        return Identity(user, key) if _signs_in(facts, user) else None
    guest = _welcome_guests().filter(pk=facts.get(GUEST_KEY)).first()
    return Identity(guest, key) if guest is not None else None


def over(sessions: set[str], opened: set[str]) -> tuple[set[str], set[str]]:
    """Those of these sessions that have expired, and those that seem to sign nobody in.

    One query finds those that are not there. Those of `opened` are opened, too, and asked who they sign in, which costs
    some 100 µs a session. Look twice: a session that is being given a new key is for a moment not there, then empty.
    """
    rows = _store().get_model_class().objects
    lasting = rows.filter(session_key__among=sessions, expire_date__gt=clock.now())
    there = set(lasting.values_list("session_key", flat=True))
    rest = sessions - there
    expired = set(rows.filter(session_key__among=rest).values_list("session_key", flat=True))
    facts = {row.session_key: row.get_decoded() for row in rows.filter(session_key__among=opened).only("session_data")}
    good = (there - opened) | _signing_in(facts)
    return expired, sessions - good - expired


def _signing_in(opened: dict[str, dict[str, Any]]) -> set[str]:
    people = {facts.get(SESSION_KEY) for facts in opened.values()} - {None}
    by_id = {str(person.pk): person for person in User.objects.active().filter(pk__among=people)}
    guests = {facts.get(GUEST_KEY) for facts in opened.values()} - {None}
    guest_ids = set(map(str, _welcome_guests().filter(pk__among=guests).values_list("pk", flat=True)))
    return {
        key
        for key, facts in opened.items()
        if _signs_in(facts, by_id.get(facts.get(SESSION_KEY, ""))) or facts.get(GUEST_KEY) in guest_ids
    }


def _welcome_guests() -> QuerySet[Guest]:
    """Those whose link still holds. That it has expired or is paused only keeps them from new calls."""
    return Guest.objects.filter(link__revoked_at=None, link__owner__is_active=True).select_related("link__owner")


def _signs_in(facts: dict[str, Any], user: User | None) -> bool:
    """Whether the session was begun with the password that is theirs still, as Django's own `get_user` asks."""
    if user is None:
        return False
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(facts.get(HASH_SESSION_KEY, ""), each) for each in valid)


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore
