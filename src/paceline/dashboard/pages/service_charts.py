"""What is drawn of one service: its figures as charts, with limits and what happened. Reads nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from paceline.dashboard.charts import Line, LineChart, Mark, line_chart
from paceline.dashboard.pages.service_figures import METRICS_SHOWN, Figures, Piece, Point
from paceline.dashboard.shapes import PER_OCTAVE, QUANTILES, Curve, CurveChart, HeatMap, curve_chart, heat_map
from paceline.dashboard.spans import TimeSpan
from paceline.governance.signals.months import Month
from paceline.standards import Limit

__all__ = ["cost_chart", "curves", "heat", "latency_charts", "month_chart", "prompt_chart"]

T = TypeVar("T", Point, Piece)

_COLUMNS_MAX: Final = 56
_SKETCH_PER_OCTAVE: Final = 32
_Q_OF: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def latency_charts(
    figures: Figures, use_case: str, limits: Sequence[tuple[str, Limit]], marks: Sequence[Mark]
) -> list[LineChart]:
    """Return p95 and p50 of each metric over time against its p95 limit; `limits` by the ledger's metric names."""
    made = []
    for metric, title in METRICS_SHOWN.items():
        points = _filled(figures.points.get((use_case, metric), []), figures.span, _no_point)
        lines = [
            Line("p95", tuple((point.at, point.p95) for point in points)),
            Line("p50", tuple((point.at, point.p50) for point in points)),
        ]
        # A limit far above everything measured would flatten the lines: its figure is in the table of limits.
        top = max((value for line in lines for _, value in line.points if value is not None), default=0.0)
        near = [
            ("p95 limit", limit.value)
            for of, limit in limits
            if of == metric and limit.percentile == "p95" and limit.value <= 4 * top
        ]
        span = figures.span
        chart = line_chart(title, "ms", lines, span.since, span.until, limits=near, marks=marks)
        if not chart.is_empty:
            made.append(chart)
    return made


def curves(figures: Figures, use_case: str, limits: Sequence[tuple[str, Limit]]) -> CurveChart | None:
    """Return the first token's and the whole answer's times at each percentile; none where nothing was measured."""
    from paceline import _core

    found = []
    for metric in ("ttft_ms", "total_ms"):
        sketches = [point.sketch for point in figures.points.get((use_case, metric), []) if point.n]
        if sketches:
            found.append(Curve(METRICS_SHOWN[metric], tuple(_core.quantiles(sketches, list(QUANTILES)))))
    if not found:
        return None
    marks = [
        (f"{METRICS_SHOWN[metric].lower()} {limit.percentile} limit", _Q_OF[limit.percentile], limit.value)
        for metric, limit in limits
        if metric in {"ttft_ms", "total_ms"} and limit.percentile in _Q_OF
    ]
    return curve_chart("Percentiles", "ms", found, marks)


def heat(figures: Figures, use_case: str, limits: Sequence[tuple[str, Limit]]) -> HeatMap | None:
    """Return how often which total time was measured over time, or first token where there is no total."""
    from paceline import _core

    metric = next((name for name in ("total_ms", "ttft_ms") if figures.points.get((use_case, name))), None)
    if metric is None:
        return None
    span = figures.span
    step = span.point * 60.0
    while span.length / step > _COLUMNS_MAX:
        step *= 2
    columns: defaultdict[float, list[bytes]] = defaultdict(list)
    for point in figures.points[use_case, metric]:
        columns[point.at // step * step].append(point.sketch)
    counts = []
    for at, sketches in sorted(columns.items()):
        _, indices, many = _core.buckets(sketches)
        row: defaultdict[int, int] = defaultdict(int)
        for index, n in zip(indices, many, strict=True):
            row[index // (_SKETCH_PER_OCTAVE // PER_OCTAVE)] += n
        counts.append((at, dict(row)))
    limit = next((limit.value for of, limit in limits if of == metric and limit.percentile == "p95"), None)
    return heat_map(METRICS_SHOWN[metric], "ms", counts, span.since, span.until, step=step, limit=limit)


def cost_chart(figures: Figures, use_case: str, limits: Sequence[tuple[str, Limit]]) -> LineChart | None:
    """Return US cents an answered request over time."""
    cents = _line(figures, use_case, "cost", lambda piece: piece.nanousd / 1e7 / piece.n_ok if piece.n_ok else None)
    near = [("limit", limit.value * 100) for of, limit in limits if of == "cost_usd" and limit.percentile == "mean"]
    return _drawn(figures, "Cost of a successful request", "¢", [cents], near)


def prompt_chart(figures: Figures, use_case: str) -> LineChart | None:
    """Return mean tokens of prompts and answers over time, by which one sees prompts grow."""
    lines = [
        _line(
            figures, use_case, "input", lambda piece: piece.tokens_input / piece.n_tokens if piece.n_tokens else None
        ),
        _line(
            figures, use_case, "output", lambda piece: piece.tokens_output / piece.n_tokens if piece.n_tokens else None
        ),
    ]
    return _drawn(figures, "Tokens a request", "tokens", lines, [])


def month_chart(month: Month, daily: dict[int, float], first_day: int, days: int) -> LineChart | None:
    """Return the month's money so far and where it will end, against its budget; days since 1970, US dollars."""
    if not month.spent:
        return None
    total, points = 0.0, []
    last = max((day for day in daily if day >= first_day), default=first_day)
    for day in range(first_day, last + 1):
        total += daily.get(day, 0.0)
        points.append(((day + 1) * 86_400.0, total))
    times = [at for at, _ in points] + [(day + 1) * 86_400.0 for day in range(last + 1, first_day + days)]
    spent = dict(points)
    lines = [Line("spent", tuple((at, spent.get(at)) for at in times))]
    if month.forecast is not None and last + 1 < first_day + days:
        end, now = times[-1], points[-1][0]
        slope = (month.forecast.expected - total) / (end - now)
        lines.append(Line("expected", tuple((at, total + slope * (at - now) if at >= now else None) for at in times)))
    limits = [("budget", month.budget)] if month.budget is not None else []
    title = f"Spent in {datetime.fromtimestamp(first_day * 86_400, UTC):%B}"
    return line_chart(title, "$", lines, first_day * 86_400.0, (first_day + days) * 86_400.0, limits=limits)


def _drawn(
    figures: Figures, title: str, unit: str, lines: list[Line], limits: list[tuple[str, float]]
) -> LineChart | None:
    top = max((value for line in lines for _, value in line.points if value is not None), default=0.0)
    near = [limit for limit in limits if limit[1] <= 4 * top]
    chart = line_chart(title, unit, lines, figures.span.since, figures.span.until, limits=near)
    return None if chart.is_empty or not top else chart


def _line(figures: Figures, use_case: str, name: str, of: Callable[[Piece], float | None]) -> Line:
    pieces = _filled(figures.pieces.get(use_case, []), figures.span, _no_piece)
    return Line(name, tuple((piece.at, of(piece)) for piece in pieces))


def _no_point(at: float) -> Point:
    return Point(at, None, None, 0, b"")


def _no_piece(at: float) -> Piece:
    return Piece(at, *(0,) * (len(Piece._fields) - 1))


def _filled(found: Sequence[T], span: TimeSpan, nothing: Callable[[float], T]) -> list[T]:
    """Put gaps where nothing was measured, so that no line is drawn over them."""
    known = {one.at: one for one in found}
    step = span.point * 60
    first = int(span.since // step * step)
    return [known.get(float(at)) or nothing(float(at)) for at in range(first, int(span.until), step)]
