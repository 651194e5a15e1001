"""Telling on a terminal what takes a while, and how long it took."""

import time
from collections.abc import Callable

from django.core.management.base import OutputWrapper


class Steps:
    """`steps(what, do)` says what, does it and says how long it took."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out

    def __call__(self, what: str, do: Callable[[], object]) -> None:
        self._out.write(f"{what} … ", ending="")
        self._out.flush()
        began = time.monotonic()
        do()
        self._out.write(f"{time.monotonic() - began:.1f} s")
