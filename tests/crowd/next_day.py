"""The product's settings, for a server whose clock a test puts a day ahead: it sends SIGUSR1.

Only what asks Python's `time.time` notices, and that is daphne, which closes sockets and sends pings by it.
"""

import signal
import time

from config.settings import *  # noqa: F403

DAY_SECONDS = 24 * 3600

_today = time.time


def _jump(*_: object) -> None:
    time.time = lambda: _today() + DAY_SECONDS + 1


signal.signal(signal.SIGUSR1, _jump)
