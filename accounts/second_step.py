"""The second step of signing in: allauth's, with the keys kept encrypted and the QR code drawn by what we have."""

import base64
import hashlib
import logging
from io import BytesIO

import segno
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)

# What of an authenticator's data is encrypted: the app's secret, and what the recovery codes are made from.
ENCRYPTED = ("secret", "seed")


class UnreadableError(ValidationError):
    """No key of ours has encrypted it. A form shows this as a wrong code, a template as nothing."""

    silent_variable_failure = True


class SecondStepAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This is not the code. Wait for the next one, and check the clock of your device."),
    }

    def get_totp_issuer(self) -> str:
        return "Earshot"

    def build_totp_svg(self, url: str) -> str:
        out = BytesIO()
        segno.make(url, error="m").save(out, kind="svg", scale=4, border=4, light="white", xmldecl=False)
        return out.getvalue().decode()

    def encrypt(self, text: str) -> str:
        """The database alone signs nobody in: the key is derived from SECRET_KEY."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Raises `UnreadableError` for what neither SECRET_KEY nor one of SECRET_KEY_FALLBACKS has encrypted."""
        try:
            return _box().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            logger.error(
                "A second step is encrypted under a key that is gone: its person cannot sign in. Put it back into "
                "SECRET_KEY_FALLBACKS and run `manage.py rotate_keys`, or `manage.py reset_second_step HANDLE`."
            )
            raise UnreadableError(self.error_messages["incorrect_code"], code="incorrect_code") from None


def rotate(pk: int) -> bool:
    """Encrypt this authenticator under the newest key; False if no key of ours opens it, and it stays as it is."""
    with transaction.atomic():  # a recovery code that is used meanwhile stays used
        authenticator = Authenticator.objects.select_for_update().filter(pk=pk).first()
        if authenticator is None:
            return True
        box, data = _box(), authenticator.data
        try:
            for name in set(ENCRYPTED) & set(data):
                data[name] = box.rotate(data[name].encode()).decode()
        except InvalidToken:
            return False
        authenticator.save(update_fields=["data"])
        return True


def _box() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    derived = (hashlib.blake2b(key.encode(), digest_size=32, person=b"second_step").digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in derived])
