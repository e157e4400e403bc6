"""The gateway itself: what it adds to a call over time, queues, limits that were hit, its plan, its journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from paceline.dashboard.charts import Line, LineChart, line_chart
from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.ledger.figures import MetricSketch

__all__ = ["LimitUse", "Queue", "course", "values"]

_METRIC: Final = "overhead_us"
_MOST: Final = 30
"""Limits and events that are listed."""
_STALE_S: Final = 10.0
"""Seconds without a whole round of ingest from which the page says that its figures are old."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A deployment's queue now."""

    deployment: str
    in_flight: int
    in_flight_max: int | None
    waiting: tuple[int, ...]
    """Interactive, standard, batch."""
    refused_full: int
    refused_too_late: int

    @property
    def share(self) -> float | None:
        """Of its places in flight that are taken."""
        return self.in_flight / self.in_flight_max if self.in_flight_max else None


class LimitUse(NamedTuple):
    """A limit of traffic or money, and how much of it is used."""

    kind: str
    name: str
    limit: str
    value: float
    used: float

    @property
    def share(self) -> float:
        """Of the limit; more than 1 where it was let through."""
        return self.used / self.value if self.value else 0.0


def values(sources: Sources, span: TimeSpan) -> dict[str, Any]:
    """Return the state of both processes and the gateway's own time."""
    status = sources.status()
    points = course(sources, span)
    gateway = status["gateway"]
    events = sources.kept(("events", span.key), lambda: _events(sources, span))
    limits = [_limit(each) for each in gateway.get("limits", ())]
    done_at = status["loops"].get("ingest", {}).get("done_at")
    lag = None if done_at is None else max(0.0, sources.clock() - done_at)
    return {
        "status": status,
        "gateway": gateway,
        "whole": _whole(sources, span),
        "chart": _chart(points, span),
        "queues": [_queue(each) for each in gateway.get("deployments", ())],
        "limits": sorted((each for each in limits if each.used), key=lambda one: -one.share)[:_MOST],
        "n_limits": len(limits),
        "hit": events,
        "lag_s": lag,
        "is_stale": lag is not None and lag > _STALE_S,
        "unidentified": _unidentified(sources, span),
        "now": sources.clock(),
    }


_Points = list[tuple[float, float | None, float | None, float | None, int]]


def course(sources: Sources, span: TimeSpan) -> _Points:
    """Return p50, p95 and p99 of what the gateway added to calls, microseconds, by piece of time."""
    return [(at, *_quantiles(rows), sum(row.n for row in rows)) for at, rows in _pieces(sources, span)]


def _pieces(sources: Sources, span: TimeSpan) -> list[tuple[float, list[MetricSketch]]]:
    def read() -> list[tuple[float, list[MetricSketch]]]:
        reading = sources.ledger.reading(span.since, span.until, resolution=span.coarse.resolution)
        pieces: defaultdict[int, list[MetricSketch]] = defaultdict(list)
        for row in reading.metrics([_METRIC], ()):
            pieces[row.minute // span.coarse.point * span.coarse.point].append(row)
        return [(minute * 60.0, rows) for minute, rows in sorted(pieces.items())]

    return sources.kept(("overhead", span.key), read)


def _whole(sources: Sources, span: TimeSpan) -> dict[str, Any]:
    rows = [row for _, several in _pieces(sources, span) for row in several]
    p50, p95, p99 = _quantiles(rows)
    return {"p50": p50, "p95": p95, "p99": p99, "n": sum(row.n for row in rows)}


def _quantiles(rows: list[MetricSketch]) -> tuple[float | None, float | None, float | None]:
    from paceline import _core

    if not any(row.n for row in rows):
        return None, None, None
    p50, p95, p99 = _core.quantiles([row.sketch for row in rows], [0.5, 0.95, 0.99])
    return p50, p95, p99


def _chart(points: _Points, span: TimeSpan) -> LineChart:
    step = span.coarse.point * 60
    known = {at: figures for at, *figures, _ in points}
    times = [float(at) for at in range(int(span.since // step * step), int(span.until), step)]
    lines = [
        Line(name, tuple((at, known.get(at, [None, None, None])[place]) for at in times))
        for place, name in ((2, "p99"), (1, "p95"), (0, "p50"))
    ]
    return line_chart("Time that the gateway adds to a call", "µs", lines, span.since, span.until)


def _events(sources: Sources, span: TimeSpan) -> list[tuple[str, str, int]]:
    """Return what was refused or queued in the span: event, service, how often; the most frequent first."""
    found = sources.ledger.totals.events(span.since, span.until, ("service",))
    told = [
        (name.replace("_", " "), service, n)
        for (service,), events in found.items()
        for name, (n, _) in events.items()
        if name.startswith("refused_") or name in {"queued", "limit_near", "unpriced_under_limit"}
    ]
    return sorted(told, key=lambda one: (-one[2], one[0], one[1]))[:_MOST]


def _unidentified(sources: Sources, span: TimeSpan) -> int:
    """Count the calls without a valid key: no service can be named for them."""
    key = ("unidentified", span.key)
    found = sources.kept(key, lambda: sources.ledger.totals.counters(span.since, span.until, ("n",), ("service",)))
    return found.get(("",), (0,))[0]


def _queue(said: Mapping[str, Any]) -> Queue:
    waiting = tuple(said["waiting"])
    most = said["in_flight_max"] or None
    return Queue(said["name"], said["in_flight"], most, waiting, said["refused_full"], said["refused_too_late"])


def _limit(said: Mapping[str, Any]) -> LimitUse:
    return LimitUse(
        said["kind"].replace("_", " "), said["name"], said["limit"].replace("_", " "), said["value"], said["used"]
    )
