"""Figures as a person reads them."""

import sys


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def spread(seconds: list[float]) -> str:
    """Median, 99th percentile and maximum."""
    ranked = sorted(seconds)
    median, late = ranked[len(ranked) // 2], percentile(ranked, 99)
    return f"median {1000 * median:.0f} ms, 99th percentile {1000 * late:.0f} ms, at most {1000 * ranked[-1]:.0f} ms"


def percentile(seconds: list[float], percent: float) -> float:
    ranked = sorted(seconds)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def mib(size: float) -> str:
    return f"{size / 2**20:.0f} MiB"
