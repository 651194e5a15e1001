"""Secrets that the database does not hold: a random number, and a MAC of it under the server's key.

The database keeps the number alone, so it opens nothing by itself, and whoever made the secret can copy it again at
any time. After a rotation new copies are made with the new key, and old ones hold as long as the old key is among
SECRET_KEY_FALLBACKS.
"""

import base64
import secrets

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

NUMBER_LENGTH = 16
NUMBER_BYTES = NUMBER_LENGTH * 6 // 8

# 128 bits, 22 characters.
MAC_BYTES = 16


def new_number() -> str:
    return secrets.token_urlsafe(NUMBER_BYTES)


def secret_of(number: str, purpose: str) -> str:
    """The secret of a number; `purpose` keeps those of one kind from opening another."""
    return number + _mac(number, purpose, settings.SECRET_KEY)


def number_of(secret: str, purpose: str) -> str | None:
    """The number in a secret that this server has made for this purpose; None for any other text."""
    number, mac = secret[:NUMBER_LENGTH], secret[NUMBER_LENGTH:]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    # Every key is tried, so that the time taken does not tell which one fits.
    fits = [constant_time_compare(mac, _mac(number, purpose, key)) for key in keys]
    return number if any(fits) else None


def _mac(number: str, purpose: str, key: str) -> str:
    digest = salted_hmac(purpose, number, secret=key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest[:MAC_BYTES]).rstrip(b"=").decode()
