"""Charts as plain numbers, which templates/admin/calls/ draws as SVG, each with its table: no script, no third party.

Sizes are in the units of the SVG's viewBox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

WIDTH, HEIGHT = 520, 190
LEFT, RIGHT, BOTTOM, TOP = 40, 26, 24, 8

# Of ranked bars: room for the names at the left and the numbers at the right, and the height of a row.
NAMES, NUMBERS, ROW = 150, 50, 22
LABELS_MAX = 9


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of number over all columns; `name` is also its CSS modifier."""

    name: str
    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Bar:
    series: str
    said: str
    value: float
    x: float
    y: float
    width: float
    height: float

    @property
    def end(self) -> float:
        """Where a number beside a lying bar stands."""
        return self.x + self.width + 6

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across, a label below or a name at the left; `at` is its y or x."""

    label: str
    at: float


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    series: Sequence[Series]
    rows: list[Row]
    lines: list[Tick]
    labels: list[Tick]
    bars: list[Bar]
    paths: list[tuple[str, str]]
    names: list[Tick]
    left: int = LEFT
    height: int = HEIGHT
    width: int = WIDTH

    @property
    def is_empty(self) -> bool:
        return not any(value for each in self.series for value in each.values)


def stacked(title: str, columns: Sequence[str], series: Sequence[Series]) -> Chart:
    """Bars of counts, one series on the other."""
    totals = [sum(each.values[index] or 0 for each in series) for index in range(len(columns))]
    step, top = _scale(max(totals, default=0))
    slot = (WIDTH - LEFT) / max(1, len(columns))
    bars = []
    for index, column in enumerate(columns):
        floor = float(HEIGHT - BOTTOM)
        for each in series:
            value = each.values[index] or 0
            if value:
                height = value / top * (HEIGHT - BOTTOM - TOP)
                floor -= height
                said = f"{column}: {value:g} {each.label}"
                bars.append(
                    Bar(
                        each.name, said, value, _r(LEFT + (index + 0.12) * slot), _r(floor), _r(slot * 0.76), _r(height)
                    )
                )
    return Chart(title, series, _rows(columns, series), _lines(0, top, step), _labels(columns, slot, 0.5), bars, [], [])


def ranked(title: str, names: Sequence[str], series: Series) -> Chart:
    """Bars that lie, one a name, for names that would not fit below."""
    most = max((value or 0 for value in series.values), default=0) or 1
    bars, ticks = [], []
    for index, name in enumerate(names):
        value = series.values[index] or 0
        width = value / most * (WIDTH - NAMES - NUMBERS)
        said = f"{name}: {value:g} {series.label}"
        bars.append(Bar(series.name, said, value, NAMES, _r(ROW * (index + 0.15)), _r(width), _r(ROW * 0.7)))
        ticks.append(Tick(name, _r(ROW * (index + 0.5))))
    return Chart(
        title, [series], _rows(names, [series]), [], [], bars, [], ticks, left=NAMES, height=max(1, ROW * len(names))
    )


def curves(title: str, columns: Sequence[str], series: Sequence[Series], least: float, most: float) -> Chart:
    """Lines between fixed bounds, with gaps where nothing was measured."""
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(columns) - 1)
    scale = (HEIGHT - BOTTOM - TOP) / (most - least)
    paths = []
    for each in series:
        path, pen = [], "M"
        for index, value in enumerate(each.values):
            if value is None:
                pen = "M"
                continue
            y = HEIGHT - BOTTOM - (min(most, max(least, value)) - least) * scale
            # A point between two gaps is a line to itself, which a round cap makes a dot.
            path.append(f"{pen}{_r(LEFT + index * slot)} {_r(y)}" + ("h0" if pen == "M" else ""))
            pen = "L"
        paths.append((each.name, " ".join(path)))
    lines = _lines(least, most, 1)
    return Chart(title, series, _rows(columns, series), lines, _labels(columns, slot, 0), [], paths, [])


def _rows(columns: Sequence[str], series: Sequence[Series]) -> list[Row]:
    return [Row(column, [each.values[index] for each in series]) for index, column in enumerate(columns)]


def _scale(most: float) -> tuple[float, float]:
    """A step of 1, 2 or 5 times a power of ten that gives at most five lines, and the top."""
    if most <= 0:
        return 1, 1
    power = 10 ** max(0, int(log10(most)) - 1)
    step = next(power * factor for factor in (1, 2, 5, 10, 20, 50, 100) if most / (power * factor) <= 5)
    return step, step * ceil(most / step)


def _lines(least: float, most: float, step: float) -> list[Tick]:
    count = round((most - least) / step)
    scale = (HEIGHT - BOTTOM - TOP) / (most - least)
    return [Tick(f"{least + n * step:g}", _r(HEIGHT - BOTTOM - n * step * scale)) for n in range(count + 1)]


def _labels(columns: Sequence[str], slot: float, shift: float) -> list[Tick]:
    every = max(1, ceil(len(columns) / LABELS_MAX))
    return [Tick(name, _r(LEFT + (n + shift) * slot)) for n, name in enumerate(columns) if n % every == 0]


def _r(value: float) -> float:
    return round(value, 1)
