"""Slows down who tries out secrets or passcodes, without shutting out those who have the right one.

Only wrong tries count. An address that has been wrong about secrets too often waits before its next wrong one is looked
at; a right secret always opens, for nobody guesses 128 bits. Passcodes are short, so there an address has a few tries a
link, and one only when many addresses are wrong about it. Counted in the cache: in Redis for all processes.
"""

from django.core.cache import cache

WINDOW_SECONDS = 600

# A person mistypes a passcode a few times; a link that was copied badly is opened again and again.
WRONG_AN_ADDRESS = 20
WRONG_AN_ADDRESS_AND_LINK = 5

# So many wrong ones about one link in a window are no accident: from then on each address has one try.
WRONG_A_LINK = 30


def must_wait(address: str, link: object = None) -> bool:
    """Whether this address has been wrong too often: about secrets or, given a link, about its passcode."""
    if link is None:
        return _count(address) >= WRONG_AN_ADDRESS
    tries = 1 if _count(link) >= WRONG_A_LINK else WRONG_AN_ADDRESS_AND_LINK
    return _count(address, link) >= tries


def was_wrong(address: str, link: object = None) -> None:
    keys = [(address,)] if link is None else [(link,), (address, link)]
    for key in keys:
        cache.add(_key(*key), 0, WINDOW_SECONDS)
        try:
            cache.incr(_key(*key))
        except ValueError:  # it ran out in between
            cache.set(_key(*key), 1, WINDOW_SECONDS)


def _count(*key: object) -> int:
    return int(cache.get(_key(*key), 0))


def _key(*parts: object) -> str:
    return "earshot:wrong:" + ":".join(map(str, parts))
