"""Waiting for a condition, never for a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 20


def until(condition: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Wait until `condition()` holds, and return what it returned."""
    deadline = monotonic() + seconds
    while not (value := condition()):
        if monotonic() > deadline:
            raise AssertionError(f"{what} did not come about; it is {value!r}.")
        sleep(0.1)
    return value


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is waited for in here must have come about so soon: docs/holding.md says which figure."""
    began = monotonic()
    yield
    took = monotonic() - began
    assert took <= seconds, f"It took {took:.2f} s, and the design promises {seconds} s."
