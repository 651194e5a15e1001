"""How much one socket may send."""

from collections.abc import Callable
from time import monotonic

# A trickling peer connection sends some 20 candidates and as many acknowledgements within a second.
FRAMES_PER_SECOND = 50
FRAMES_BURST = 200

# A socket that goes on for so many after "too_many" does not listen to answers. They are forgiven at the rate above.
FLOOD_FRAMES = 400

# Malformed frames in a row that close a socket: a client this wrong will not come right by itself.
BAD_FRAMES = 5


class TokenBucket:
    """Holds up to `burst` tokens and gains `per_second`; each `take` costs one."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def take(self) -> bool:
        """Whether there was a token to take."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
