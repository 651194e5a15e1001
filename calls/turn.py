"""STUN and TURN servers for the browsers, and time-limited TURN credentials.

The scheme is coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00): the user name is the expiry in
Unix seconds and a name, the password is its HMAC-SHA1 under the shared secret.
"""

import base64
import hmac
from time import time

from django.conf import settings

from .core.protocol import IceServer

# They are renewed at half of their life: a page may need them at any moment, to restart ICE.
RENEW_SECONDS = settings.TURN_SECONDS / 2


def stun_servers() -> list[IceServer]:
    return [IceServer(urls=list(settings.STUN_URLS))] if settings.STUN_URLS else []


def ice_servers(person: str, seconds: float | None = None) -> list[IceServer]:
    """What a joined leg of an active call gets: STUN, and TURN with credentials for TURN_SECONDS, or as many."""
    servers = stun_servers()
    if settings.TURN_URLS:
        username = f"{int(time() + (seconds or settings.TURN_SECONDS))}:{person}"
        digest = hmac.digest(settings.TURN_SECRET.encode(), username.encode(), "sha1")
        credential = base64.b64encode(digest).decode()
        servers.append(IceServer(list(settings.TURN_URLS), username, credential))
    return servers
