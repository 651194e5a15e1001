"""What every page of a signed-in person shows, and what its scripts must know."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.functional import SimpleLazyObject

from accounts.models import User

from .history import count_unseen


def shell(request: HttpRequest) -> dict[str, Any]:
    user = request.user
    if not isinstance(user, User):
        return {}
    return {
        "missed_count": SimpleLazyObject(lambda: count_unseen(user)),
        "telephone": {"me": str(user.pk), **telephone(request)},
    }


def telephone(request: HttpRequest) -> dict[str, Any]:
    """What the scripts of any page that calls must know."""
    return {
        "csrfToken": get_token(request),
        "pingSeconds": settings.PING_SECONDS,
        "deadSeconds": settings.DEAD_SECONDS,
        "connectSeconds": settings.CONNECT_SECONDS,
        "restartSeconds": settings.ICE_RESTART_SECONDS,
        "giveUpSeconds": settings.ICE_GIVE_UP_SECONDS,
    }
