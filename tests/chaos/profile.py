"""How long things last: as in production, or short enough for ./test. In seconds."""

from dataclasses import dataclass

Span = tuple[float, float]


@dataclass(frozen=True)
class Profile:
    """`lease`, `grace` and `tick` are the servers'; all else of theirs is as in production.

    `outlived`: the longest outage of a link that a call must outlive; a lease is longer by the last wait before a try
    and the sign-in. `away`, `redis_away`: how long a part is gone before it is started again; `away_long` is longer
    than a lease, so that only a grace keeps the calls. `pause`: between two faults of parts that follow each other.
    """

    lease: float
    grace: float
    tick: float
    outlived: float
    too_long: Span
    away: Span
    away_long: Span
    redis_away: Span
    pause: Span

    @property
    def outages(self) -> Span:
        return 0.1, self.outlived


AS_IN_PRODUCTION = Profile(
    lease=30, grace=30, tick=2, outlived=20, too_long=(25, 40), away=(0, 6), away_long=(32, 36), redis_away=(0, 15),
    pause=(1, 4),
)  # fmt: skip
SHORT = Profile(
    lease=10, grace=12, tick=1, outlived=2, too_long=(12, 16), away=(0, 2), away_long=(9, 10), redis_away=(0, 3),
    pause=(0.3, 1),
)  # fmt: skip
