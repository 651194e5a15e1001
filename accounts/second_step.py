"""The second step of signing in: allauth's, with the keys kept encrypted and the QR code drawn by what we have."""

import base64
import hashlib
from io import BytesIO

import segno
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.translation import gettext_lazy as _


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
        """Raises `InvalidToken` for what no key of ours, nor of SECRET_KEY_FALLBACKS, has encrypted."""
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    derived = (hashlib.blake2b(key.encode(), digest_size=32, person=b"second_step").digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in derived])
