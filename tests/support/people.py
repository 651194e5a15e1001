"""People for tests: accounts, and their sessions without a password."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from accounts.models import User


def make_person(handle: str, **facts: Any) -> User:
    return User.objects.create_user(
        handle,
        f"{handle}@example.org",
        name=facts.pop("name", handle.capitalize()),
        **facts,
    )


def session_of(user: User) -> str:
    """A new session that signs this person in; its key."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def cookie_of(key: str) -> str:
    return f"{settings.SESSION_COOKIE_NAME}={key}"
