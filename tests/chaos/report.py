"""The table at the end of a run."""

from collections import Counter
from collections.abc import Iterable, Iterator
from statistics import median

from calls.models import Call

from .promises import Promise
from .records import Records

# Of each promise that was broken.
CASES_SHOWN = 12


def report(records: Records, faults: Counter[str], kept: list[Promise]) -> str:
    lines = list(_aligned(_figures(records)))
    lines += ["", f"faults: {faults.total()}", *_aligned(("  " + name, str(n)) for name, n in faults.most_common())]
    lines += ["", *_aligned((each.name, f"{each.found}; promised: {each.allowed}{_mark(each)}") for each in kept)]
    for each in kept:
        if each.broken:
            lines += ["", f"{each.name}:", *("  " + case for case in each.broken[:CASES_SHOWN])]
    return "\n".join(lines)


def _mark(promise: Promise) -> str:
    return "" if promise.kept else "  BROKEN"


def _figures(records: Records) -> Iterator[tuple[str, str]]:
    reasons = Counter(Call.objects.order_by().values_list("end_reason", flat=True))
    refused = Counter(answer.code for answer in records.answers if answer.code is not None)
    yield "calls", f"{reasons.total()} ({_counts(reasons)})"
    yield "rings shown", str(len(records.rings))
    yield "commands acknowledged", str(len(records.answers) - refused.total())
    yield "commands refused", f"{refused.total()} ({_counts(refused)})"
    yield "devices that came back", f"{len(records.returns)} ({_spread(records.returns)})"


def _aligned(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return (f"{name:<{width}}  {value}" for name, value in rows)


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name or 'live'} {count}" for name, count in counted.most_common())


def _spread(seconds: list[float]) -> str:
    return f"after {median(seconds):.1f} s in the middle, {max(seconds):.1f} s at most" if seconds else "-"
