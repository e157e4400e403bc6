"""Geometry of what is not a line over time: sparklines, heat maps, percentile curves. Templates draw them as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from paceline.dashboard.charts import HEIGHT, WIDTH, figure, path, round_up, time_ticks

__all__ = ["PER_OCTAVE", "Curve", "CurveChart", "HeatMap", "Spark", "curve_chart", "heat_map", "spark_of"]

LEVELS: Final = 5
PER_OCTAVE: Final = 4
"""Rows of a heat map from a value to its double."""
QUANTILES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 8, 10, 24


class Spark(NamedTuple):
    """A small line without axes, in a box of 100 by 24."""

    path: str
    limit: float | None
    """Height of the level it is seen against."""


def spark_of(values: Sequence[float | None], limit: float | None = None) -> Spark:
    """Lay values out from left to right; the scale begins at 0 and holds the limit."""
    top = max([value for value in (*values, limit) if value is not None], default=0.0) or 1.0
    step = 100 / max(len(values) - 1, 1)

    def y(value: float) -> float:
        return round(22 - 20 * value / top, 1)

    places = [(round(at * step, 1), None if value is None else y(value)) for at, value in enumerate(values)]
    return Spark(path(places), None if limit is None else y(limit))


@dataclass(frozen=True, slots=True)
class HeatMap:
    """How often what was measured over time: cells in a box of `width` by `height`."""

    title: str
    unit: str
    cells: tuple[tuple[float, float, float, float, int, str], ...]
    """Place and size, how dark (1 to 5), in words."""
    y_ticks: tuple[tuple[str, float], ...]
    x_ticks: tuple[tuple[str, float], ...]
    limit: float | None
    """Height of the limit."""
    names: tuple[str, ...]
    """Of the rows, lowest values first: the columns of the table."""
    rows: tuple[tuple[float, tuple[int, ...]], ...]
    """Time, and how often each."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def heat_map(  # noqa: PLR0913  # each by name: what is drawn
    title: str,
    unit: str,
    counts: Sequence[tuple[float, dict[int, int]]],
    since: float,
    until: float,
    *,
    step: float,
    limit: float | None = None,
) -> HeatMap:
    """Lay counts out: for each piece of `step` seconds how many values by row; row i holds (2^(i/4), 2^((i+1)/4)]."""
    used = sorted({index for _, row in counts for index, n in row.items() if n})
    low, high = (used[0], used[-1]) if used else (0, 0)
    high = max(high, low + 3)
    most = max((n for _, row in counts for n in row.values()), default=1)
    row_height = (HEIGHT - _TOP - _BOTTOM) / (high - low + 1)
    scale = (WIDTH - _LEFT - _RIGHT) / max(until - since, 1.0)
    bounds = [f"{figure(_value(index))}-{figure(_value(index + 1))}" for index in range(low, high + 1)]

    def y(index: float) -> float:
        return HEIGHT - _BOTTOM - (index - low) * row_height

    cells = []
    for at, row in counts:
        x = _LEFT + (max(at, since) - since) * scale
        width = (min(at + step, until) - max(at, since)) * scale
        for index, n in row.items():
            if n and width > 0:
                level = max(1, math.ceil(LEVELS * math.sqrt(n / most)))
                words = f"{bounds[index - low]} {unit}: {n:,}"
                cells.append((round(x, 1), round(y(index + 1), 1), round(width, 1), round(row_height, 1), level, words))
    marks = range(low, high + 2, max(1, (high - low + 1) // 4))
    height = None if limit is None else y(PER_OCTAVE * math.log2(limit)) if limit > 0 else None
    return HeatMap(
        title,
        unit,
        tuple(cells),
        tuple((figure(_value(index)), round(y(index), 1)) for index in marks),
        tuple((words, round(_LEFT + (at - since) * scale, 1)) for words, at in time_ticks(since, until)),
        round(height, 1) if height is not None and _TOP <= height <= HEIGHT - _BOTTOM else None,
        tuple(bounds),
        tuple((at, tuple(row.get(index, 0) for index in range(low, high + 1))) for at, row in counts),
    )


def _value(row: float) -> float:
    return float(2 ** (row / PER_OCTAVE))


@dataclass(frozen=True, slots=True)
class Curve:
    """Values at `QUANTILES`; none where there is nothing."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class CurveChart:
    """Percentile curves: percentiles from left to right, the tail spread out; values upwards."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    paths: tuple[tuple[str, str], ...]
    limits: tuple[tuple[str, float, float], ...]
    """Words and place of each limit."""
    y_ticks: tuple[tuple[str, float], ...]
    x_ticks: tuple[tuple[str, float], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The chart as a table: a percentile, and the value of each curve."""
        return [(_percentile(q), [figure(curve.values[at]) for curve in self.curves]) for at, q in enumerate(QUANTILES)]


def curve_chart(
    title: str, unit: str, curves: Sequence[Curve], limits: Sequence[tuple[str, float, float]] = ()
) -> CurveChart:
    """Lay curves out; a limit is words, a quantile and a value, and one far above all curves is left out."""
    measured = max((value for curve in curves for value in curve.values if value is not None), default=1.0)
    near = [limit for limit in limits if limit[2] <= 4 * measured]
    top = round_up(max([measured, *(value for _, _, value in near)]) or 1.0)
    first, last = _place(QUANTILES[0]), _place(QUANTILES[-1])

    def x(q: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT - 20) * (_place(q) - first) / (last - first), 1)

    def y(value: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - min(value, top) / top), 1)

    return CurveChart(
        title,
        unit,
        tuple(curves),
        tuple(
            (
                curve.name,
                path([(x(q), None if v is None else y(v)) for q, v in zip(QUANTILES, curve.values, strict=True)]),
            )
            for curve in curves
        ),
        tuple((words, x(q), y(value)) for words, q, value in near),
        tuple((figure(top * part / 4), y(top * part / 4)) for part in range(5)),
        tuple((_percentile(q), x(q)) for q in QUANTILES if q not in {0.05, 0.1, 0.25, 0.75}),
    )


def _place(q: float) -> float:
    return -math.log10(1 - q)


def _percentile(q: float) -> str:
    return f"p{q * 100:g}"
