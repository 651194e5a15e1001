"""The first admin: made at an address that only who started the server knows, and that works once.

The token in it is kept in the data folder until an admin exists. There is no default password anywhere.
"""

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from . import addresses
from .models import User
from .private_file import made_once

TOKEN_BYTES = 32


def setup_url(origin: str) -> str | None:
    """Where the first admin is made; None when there is one."""
    if has_admin():
        _file().unlink(missing_ok=True)
        return None
    return origin + reverse("setup", args=[_token()])


def is_valid(token: str) -> bool:
    try:
        expected = _file().read_text()
    except FileNotFoundError:
        return False
    return constant_time_compare(token, expected) and not has_admin()


def make_first_admin(*, handle: str, email: str, password: str, **facts: Any) -> User | None:
    """The admin; None if another was made in the same moment.

    Removing the token's file is what only one of two can do; who finds it gone undoes everything. A form that is
    sent twice fails earlier, at the handle.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_superuser(handle, email, password, **facts)
            addresses.record(user, verified=True)
            _file().unlink()
    except (FileNotFoundError, IntegrityError):
        return None
    return user


def has_admin() -> bool:
    return User.objects.active().filter(is_staff=True, is_superuser=True).exists()


def _file() -> Path:
    return Path(settings.DATA) / "setup_token"


def _token() -> str:
    return made_once(_file(), lambda: secrets.token_urlsafe(TOKEN_BYTES))
