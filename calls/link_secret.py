"""The secret of a link. It travels in the fragment of the address, which browsers send to nobody."""

from accounts import derived_secret

PURPOSE = "calls.link"


def secret_of(number: str) -> str:
    return derived_secret.secret_of(number, PURPOSE)


def number_of(secret: str) -> str | None:
    """The number in a secret that this server has made; None for any other text."""
    return derived_secret.number_of(secret, PURPOSE)
