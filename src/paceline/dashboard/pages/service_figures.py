"""One service's figures of a span, read from the ledger in one go: what its page draws. Decides and draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from paceline.dashboard.sources import Made, Sources
from paceline.dashboard.spans import TimeSpan
from paceline.governance.statistics.burn import Count as Over
from paceline.ledger.figures import Count, MetricSketch

__all__ = ["METRICS_SHOWN", "Figures", "Parts", "Piece", "Point", "figures"]

METRICS_SHOWN: Final = {"ttft_ms": "Time to first token", "tpot_ms": "Time per token", "total_ms": "Total time"}
_BUDGET_S: Final = 28 * 86_400
_DAY_S: Final = 86_400
_SAMPLES: Final = 12


class Point(NamedTuple):
    """One metric in one piece of time."""

    at: float
    p50: float | None
    p95: float | None
    n: int
    sketch: bytes


class Piece(NamedTuple):
    """Exact counts in one piece of time."""

    at: float
    n: int
    n_ok: int
    n_failed: int
    n_tokens: int
    tokens_input: int
    tokens_cached: int
    tokens_output: int
    tokens_reasoning: int
    n_cap_added: int
    nanousd: int


class Parts(NamedTuple):
    """Where the time of a sample of answers went, milliseconds a request."""

    n: int
    queue: float
    provider: float
    first_token: float
    decode: float
    ours: float


@dataclass(frozen=True)
class Figures:
    """All of them. Times are Unix seconds."""

    span: TimeSpan
    points: Mapping[tuple[str, str], list[Point]]
    """By use case and metric, oldest first."""
    pieces: Mapping[str, list[Piece]]
    """By use case, oldest first."""
    events: Mapping[str, Mapping[str, tuple[int, int]]]
    """By use case and event: how often, nano-USD."""
    month: Mapping[tuple[str, str, str], Over]
    """By use case, metric and percentile: the last 28 days against the limit."""
    day: Mapping[tuple[str, str, str], Over]
    models: tuple[tuple[float, str], ...]
    """When most requests went to another model than before, and to which."""
    parts: Parts | None
    """None where no answer is among the requests that are kept."""


def figures(sources: Sources, span: TimeSpan, service: str) -> Made[Figures]:
    """Return them, some seconds old at most. Raises `LedgerError`."""
    return sources.made(("service", service, span.key), lambda: _read(sources, span, service))


def _read(sources: Sources, span: TimeSpan, service: str) -> Figures:
    ledger, only = sources.ledger, {"service": service}
    reading = ledger.reading(span.since, span.until, resolution=span.resolution, only=only)  # type: ignore[arg-type]
    counts = reading.counts(("use_case", "model"))
    points = _points(reading.metrics(list(METRICS_SHOWN), ("use_case",)), span)
    month = ledger.reading(span.until - _BUDGET_S, span.until, resolution=60, only=only)  # type: ignore[arg-type]
    day = ledger.reading(span.until - _DAY_S, span.until, resolution=10, only=only)  # type: ignore[arg-type]
    return Figures(
        span,
        points,
        _pieces(counts, span),
        {names[0]: found for names, found in reading.events(("use_case",)).items()},
        _over(month.limit_totals(("use_case",))),
        _over(day.limit_totals(("use_case",))),
        _models(counts, span),
        _parts(sources, span, service),
    )


def _over(found: Mapping[tuple[str, ...], tuple[int, int]]) -> dict[tuple[str, str, str], Over]:
    return {(names[0], names[1], names[2]): Over(*row) for names, row in found.items()}


def _points(rows: list[MetricSketch], span: TimeSpan) -> dict[tuple[str, str], list[Point]]:
    from paceline import _core

    heaps: defaultdict[tuple[str, str, int], list[MetricSketch]] = defaultdict(list)
    for row in rows:
        heaps[row.use_case or "", row.metric, row.minute // span.point * span.point].append(row)
    found: defaultdict[tuple[str, str], list[Point]] = defaultdict(list)
    for (use_case, metric, minute), heap in sorted(heaps.items()):
        n = sum(row.n for row in heap)
        sketch = _core.merge([row.sketch for row in heap])
        p50, p95 = _core.quantiles([sketch], [0.5, 0.95]) if n else (None, None)
        found[use_case, metric].append(Point(minute * 60.0, p50, p95, n, sketch))
    return dict(found)


def _pieces(counts: list[Count], span: TimeSpan) -> dict[str, list[Piece]]:
    sums: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0] * (len(Piece._fields) - 1))
    for row in counts:
        piece = sums[row.use_case or "", row.minute // span.point * span.point]
        values = (
            *(row.n, row.n_ok, row.n_failed, row.n_tokens, row.tokens_input, row.tokens_cached, row.tokens_output),
            *(row.tokens_reasoning, row.n_cap_added, row.cost_nanousd + row.other_nanousd),
        )
        for at, value in enumerate(values):
            piece[at] += value
    found: defaultdict[str, list[Piece]] = defaultdict(list)
    for (use_case, minute), piece in sorted(sums.items()):
        found[use_case].append(Piece(minute * 60.0, *piece))
    return dict(found)


def _models(counts: list[Count], span: TimeSpan) -> tuple[tuple[float, str], ...]:
    by_piece: defaultdict[tuple[str, int], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in counts:
        by_piece[row.use_case or "", row.minute // span.point * span.point][row.model or ""] += row.n
    changes, last = [], dict[str, str]()
    for (use_case, minute), models in sorted(by_piece.items()):
        most = max(models, key=lambda name: (models[name], name))
        if last.setdefault(use_case, most) != most:
            changes.append((minute * 60.0, f"{use_case}: mostly {most or 'no model'} from here"))
        last[use_case] = most
    return tuple(sorted(changes))


def _parts(sources: Sources, span: TimeSpan, service: str) -> Parts | None:
    """Return the mean parts of a sample: pages of requests from some moments of the span."""
    step = span.length / _SAMPLES
    rows = [
        row
        for at in range(_SAMPLES)
        for row in sources.ledger.requests.times(service, span.since + at * step, span.since + (at + 1) * step)
    ]
    if not rows:
        return None
    sums = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return Parts(len(rows), *sums)
