"""The secret of a link: its random number and a MAC of it under the server's key.

It travels in the fragment of the address, which browsers send to nobody. The database keeps the number alone, so it
opens nothing by itself, and the owner can copy the link again at any time. After a rotation new copies are made with
the new key, and old ones hold as long as the old key is among SECRET_KEY_FALLBACKS.
"""

import base64
import secrets

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from .models.link import NUMBER_LENGTH

# 128 bits, 22 characters.
MAC_BYTES = 16
NUMBER_BYTES = NUMBER_LENGTH * 6 // 8


def new_number() -> str:
    return secrets.token_urlsafe(NUMBER_BYTES)


def secret_of(number: str) -> str:
    return number + _mac(number, settings.SECRET_KEY)


def number_of(secret: str) -> str | None:
    """The number in a secret that this server has made; None for any other text."""
    number, mac = secret[:NUMBER_LENGTH], secret[NUMBER_LENGTH:]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    # Every key is tried, so that the time taken does not tell which one fits.
    fits = [constant_time_compare(mac, _mac(number, key)) for key in keys]
    return number if any(fits) else None


def _mac(number: str, key: str) -> str:
    digest = salted_hmac("calls.link", number, secret=key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest[:MAC_BYTES]).rstrip(b"=").decode()
