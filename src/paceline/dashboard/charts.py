"""Geometry of charts: values over time in a box, a limit, marks of what happened. Templates draw it as SVG.

Gaps stay gaps: where nothing was measured no line is drawn. Owns scales and places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

__all__ = ["Line", "LineChart", "Mark", "figure", "line_chart", "path", "round_up", "time_ticks"]

WIDTH: Final = 640
HEIGHT: Final = 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 8, 10, 24
_TICKS: Final = 4
_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Line:
    """One series: (Unix seconds, value or none), oldest first."""

    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """What is drawn: paths and places in a box of `width` by `height`."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    paths: tuple[tuple[str, str], ...]
    """Name of a series and its path."""
    limits: tuple[tuple[str, float], ...] = ()
    """Words and height of each limit."""
    y_ticks: tuple[tuple[str, float], ...] = ()
    x_ticks: tuple[tuple[str, float], ...] = ()
    marks: tuple[tuple[str, float], ...] = ()
    limit_values: tuple[tuple[str, float], ...] = ()
    """Words and value of each limit."""
    mark_values: tuple[tuple[float, str], ...] = ()
    """Time and text of each mark."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    right: int = field(default=WIDTH - _RIGHT)

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to draw."""
        return not any(value is not None for line in self.lines for _, value in line.points)

    @property
    def table_rows(self) -> Markup:
        """The rows of the chart's table: a script draws from them what a reader may read."""
        columns = [[figure(value) for _, value in line.points] for line in self.lines]
        times = [at for at, _ in self.lines[0].points] if self.lines else []
        # Written here, since a template takes a millisecond for every hundred rows; all of it is numbers.
        return Markup("").join(
            Markup(f'<tr><th scope="row" data-at="{at:.0f}">{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}</th>')  # noqa: S704
            + Markup("".join(f'<td class="number">{cells[row]}</td>' for cells in columns))  # noqa: S704
            + Markup("</tr>")
            for row, at in enumerate(times)
        )


def figure(value: float | None) -> str:
    """Write a value of a table: empty for none, without a unit."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def line_chart(  # noqa: PLR0913  # each by name: what is drawn
    title: str,
    unit: str,
    lines: Sequence[Line],
    since: float,
    until: float,
    *,
    limits: Sequence[tuple[str, float]] = (),
    marks: Sequence[Mark] = (),
) -> LineChart:
    """Lay a chart out; values are in `unit`, and the scale begins at 0."""
    values = [value for line in lines for _, value in line.points if value is not None]
    # A limit has its name above it.
    top = round_up(max([*values, *(value * 1.08 for _, value in limits)], default=1.0) or 1.0)

    def x(at: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (at - since) / max(until - since, 1.0), 1)

    def y(value: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - min(value, top) / top), 1)

    return LineChart(
        title,
        unit,
        tuple(lines),
        tuple(
            (line.name, path([(x(at), None if value is None else y(value)) for at, value in line.points]))
            for line in lines
        ),
        tuple((words, y(value)) for words, value in limits),
        tuple((figure(top * part / _TICKS), y(top * part / _TICKS)) for part in range(_TICKS + 1)),
        tuple((words, x(at)) for words, at in time_ticks(since, until)),
        tuple((mark.text, x(mark.at)) for mark in marks if since <= mark.at <= until),
        tuple(limits),
        tuple((mark.at, mark.text) for mark in marks if since <= mark.at <= until),
    )


def path(points: Sequence[tuple[float, float | None]]) -> str:
    """Write places as the path of an SVG; none is a gap."""
    parts, is_drawing = [], False
    for at, value in points:
        if value is None:
            is_drawing = False
            continue
        # A point alone would be invisible: it gets a short line of its own.
        parts.append(f"{'L' if is_drawing else 'M'}{at} {value}" + ("" if is_drawing else "h1.5"))
        is_drawing = True
    return "".join(parts)


def round_up(value: float) -> float:
    """Return the next of 1, 2, 4, 5, 8, 10 times a power of ten; 1 for what is too small to draw."""
    if value < _LEAST:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 4, 5, 8) if step * power >= value * 0.999), 10 * power)


def time_ticks(since: float, until: float) -> list[tuple[str, float]]:
    """Return a few round times within a span, with words."""
    return [(_time(at, until - since), at) for at in _times(since, until)]


def _times(since: float, until: float) -> list[float]:
    length = until - since
    steps = (60, 600, 1_800, 3_600, 14_400, 86_400, 345_600, 604_800, 2_592_000, 5_184_000)
    step = next(each for each in steps if length / each <= 7)
    first = math.ceil(since / step) * step
    return [float(at) for at in range(int(first), int(until) + 1, step)]


def _time(at: float, length: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%H:%M}" if length <= 86_400 else f"{moment.day} {moment:%b}"
