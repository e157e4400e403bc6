"""Service: its percentiles against their limits over time, what happened, money, tokens, incidents, what to do next."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from paceline.dashboard.charts import Line, LineChart, Mark, line_chart
from paceline.dashboard.pages import overview
from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.governance.scorecard import scorecards
from paceline.ledger.figures import MetricSketch
from paceline.standards import METRICS, Standards

__all__ = ["METRICS_SHOWN", "series", "values"]

METRICS_SHOWN: Final = {"ttft_ms": "time to first token", "tpot_ms": "time per token", "total_ms": "total time"}


def values(sources: Sources, standards: Standards | None, span: TimeSpan, service: str) -> dict[str, Any] | None:
    """Return what the template needs; none for a service that neither standards nor ledger know."""
    own = [row for row in overview.rows(sources, standards, span) if row.service == service]
    known = standards.options.services.get(service) if standards is not None else None
    if not own and known is None and not _had_traffic(sources, service):
        return None
    events = sources.ledger.events.between(int(span.since * 1e6), int(span.until * 1e6), service=service)
    marks = [Mark(event.at_us / 1e6, f"{event.kind}: {event.text}") for event in events]
    measured = sources.kept(("series", service, span.name), lambda: _measured(sources, span, service))
    card = next((card for card in _cards(sources, standards) if card.service == service), None)
    owner = (known.owner or "") if known is not None else ""
    team = standards.options.teams.get(owner) if standards is not None else None
    return {
        "service": service,
        "owner": owner,
        "contact": team.contact if team is not None else "",
        "description": known.description if known is not None else "",
        "mode": (known.mode or standards.options.policy.mode) if known is not None and standards is not None else "",
        "rows": own,
        "charts": [chart for row in own for chart in _charts(standards, span, row.use_case, measured, marks)],
        "counts": sources.kept(("counts", service, span.name), lambda: _counts(sources, span, service)),
        "events": events[::-1][:20],
        "incidents": _incidents(sources, service, span),
        "card": card,
    }


def series(
    sources: Sources, span: TimeSpan, service: str
) -> list[tuple[float, str, str, float | None, float | None, int]]:
    """Return the rows behind the charts: time, use case, metric, p50, p95, values."""
    measured = sources.kept(("series", service, span.name), lambda: _measured(sources, span, service))
    return [
        (at, use_case, metric, p50, p95, n)
        for (use_case, metric), points in sorted(measured.items())
        for at, p50, p95, n in points
    ]


def _had_traffic(sources: Sources, service: str) -> bool:
    now = sources.clock()
    return (service,) in sources.ledger.totals.counters(now - 28 * 86_400, now, ("n",), ("service",))


_Points = dict[tuple[str, str], list[tuple[float, float | None, float | None, int]]]


def _measured(sources: Sources, span: TimeSpan, service: str) -> _Points:
    """Return by use case and metric p50 and p95 of each piece of time."""
    reading = sources.ledger.reading(span.since, span.until, resolution=span.resolution, only={"service": service})
    pieces: defaultdict[tuple[str, str, int], list[MetricSketch]] = defaultdict(list)
    for row in reading.metrics(list(METRICS_SHOWN), ("use_case",)):
        pieces[row.use_case or "", row.metric, row.minute // span.point * span.point].append(row)
    found: defaultdict[tuple[str, str], list[tuple[float, float | None, float | None, int]]] = defaultdict(list)
    for (use_case, metric, minute), rows in sorted(pieces.items()):
        n = sum(row.n for row in rows)
        found[use_case, metric].append((minute * 60.0, *_quantiles(rows, n), n))
    return dict(found)


def _quantiles(rows: list[MetricSketch], n: int) -> tuple[float | None, float | None]:
    from paceline import _core

    p50, p95 = _core.quantiles([row.sketch for row in rows], [0.5, 0.95]) if n else (None, None)
    return p50, p95


def _charts(
    standards: Standards | None, span: TimeSpan, use_case: str, measured: _Points, marks: list[Mark]
) -> list[LineChart]:
    limits: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    if standards is not None and use_case in standards.use_cases:
        for limit in standards.limits(use_case):
            limits[METRICS[limit.metric]].append((f"{limit.percentile} limit", limit.value))
    made = []
    for metric, words in METRICS_SHOWN.items():
        points = _filled(measured.get((use_case, metric), []), span)
        lines = [
            Line("p95", tuple((at, p95) for at, _, p95, _ in points)),
            Line("p50", tuple((at, p50) for at, p50, _, _ in points)),
        ]
        # A limit far above everything measured would flatten the lines: its figure is in the table.
        top = max((value for line in lines for _, value in line.points if value is not None), default=0.0)
        near = [limit for limit in limits[metric] if limit[0] == "p95 limit" and (not top or limit[1] <= 4 * top)]
        chart = line_chart(f"{use_case}: {words}", "ms", lines, span.since, span.until, limits=near, marks=marks)
        if not chart.is_empty:
            made.append(chart)
    return made


def _filled(
    points: list[tuple[float, float | None, float | None, int]], span: TimeSpan
) -> list[tuple[float, float | None, float | None, int]]:
    """Put gaps where nothing was measured, so that no line is drawn over them."""
    known = {at: (at, p50, p95, n) for at, p50, p95, n in points}
    step = span.point * 60
    first = int(span.since // step * step)
    return [known.get(float(at), (float(at), None, None, 0)) for at in range(first, int(span.until), step)]


def _counts(sources: Sources, span: TimeSpan, service: str) -> dict[str, int]:
    names = ("n", "n_ok", "n_refused", "n_cancelled", "tokens_input", "tokens_cached", "tokens_output")
    more = ("tokens_reasoning", "n_cap_added", "n_ended_by_length", "n_untagged", "n_off_standard")
    sums = sources.ledger.totals.counters(span.since, span.until, (*names, *more), ("service",))
    return dict(zip((*names, *more), sums.get((service,), (0,) * 12), strict=True))


def _incidents(sources: Sources, service: str, span: TimeSpan) -> list[Any]:
    since = int((span.until - 28 * 86_400) * 1e6)
    return [one for one in sources.ledger.incidents.list(ended_since_us=since) if one.limit.service == service][:20]


def _cards(sources: Sources, standards: Standards | None) -> list[Any]:
    if standards is None:
        return []
    return sources.kept("scorecards", lambda: scorecards(sources.ledger, standards, sources.clock()))
