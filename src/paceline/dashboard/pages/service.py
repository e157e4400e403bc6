"""Service: is it within its budget, where its time and money go, what happened, and the one next thing to do."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from paceline.dashboard.charts import LineChart, Mark
from paceline.dashboard.pages import overview, service_charts
from paceline.dashboard.pages.service_figures import Figures, Piece, figures
from paceline.dashboard.shapes import QUANTILES
from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.governance.scorecard import Card, scorecards
from paceline.governance.signals.months import Month, months
from paceline.governance.statistics.burn import budget_left, days_to_exhaustion
from paceline.governance.waivers import WaiverState, all_waivers
from paceline.ledger.spending import day_number
from paceline.ledger.verdict import Limit as Judged
from paceline.ledger.verdict import in_words
from paceline.standards import METRICS, Limit, Standards

__all__ = ["TABLES", "LimitRow", "values"]

_INCIDENTS_S: Final = 28 * 86_400
_EVENTS_MAX: Final = 20
_LINT_S: Final = 90 * 86_400
_ALLOWED: Final = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One published limit of a use case and how it was kept over 28 days."""

    use_case: str
    key: str
    """As addresses write it: `ttft_ms.p95`."""
    words: str
    share: float | None
    """Over the limit, of all that were judged."""
    times: float
    """Times the allowed share."""
    n: int
    left: float | None
    """Of the error budget; none where too few were judged."""
    days: float | None
    """Until it is used up if every day were as the last; none when it never is."""


def values(
    sources: Sources, standards: Standards | None, span: TimeSpan, service: str, use_case: str = ""
) -> dict[str, Any] | None:
    """Return what the template needs; none for a service that neither standards nor ledger know."""
    own = overview.rows(sources, standards, span, service)
    known = standards.options.services.get(service) if standards is not None else None
    made = figures(sources, span, service)
    found = made.value
    if not own and known is None and not found.pieces and not found.month:
        return None
    names = list(dict.fromkeys([row.use_case for row in own] + sorted(found.pieces)))
    shown = use_case if use_case in names else next((name for name in names if found.pieces.get(name)), "")
    limits = {name: list(_limits(standards, name)) for name in names}
    events = sources.ledger.events.between(int(span.since * 1e6), int(span.until * 1e6), service=service)
    marks = [Mark(event.at_us / 1e6, f"{event.kind}: {event.text}") for event in events]
    marks += [Mark(at, text) for at, text in found.models if text.startswith(f"{shown}: ")]
    owner = (known.owner or "") if known is not None else ""
    team = standards.options.teams.get(owner) if standards is not None else None
    return {
        "service": service,
        "owner": owner,
        "contact": team.contact if team is not None else "",
        "phase": (team.phase or "") if team is not None else "",
        "description": known.description if known is not None else "",
        "mode": (known.mode or standards.options.policy.mode) if known is not None and standards is not None else "",
        "rows": own,
        "use_case": shown,
        "use_cases": names,
        "limits": [row for name in names for row in _limit_rows(name, limits[name], found)],
        "charts": service_charts.latency_charts(found, shown, limits.get(shown, []), marks),
        "curve": service_charts.curves(found, shown, limits.get(shown, [])),
        "heat": service_charts.heat(found, shown, limits.get(shown, [])),
        "parts_of_time": found.parts,
        "sums": _sums(found),
        "did": _did(found),
        "more_charts": [
            chart
            for chart in (
                service_charts.cost_chart(found, shown, limits.get(shown, [])),
                service_charts.prompt_chart(found, shown),
            )
            if chart is not None
        ],
        **_money(sources, standards, service),
        "events": events[::-1][:_EVENTS_MAX],
        "incidents": _incidents(sources, service, span),
        "waivers": _waivers(sources, standards, service),
        "card": _card(sources, standards, service),
        "lint": sources.ledger.lint.of(service, int((sources.clock() - _LINT_S) * 1e6)),
        "made_at": made.at,
        "now": sources.clock(),
    }


def _limits(standards: Standards | None, use_case: str) -> Iterator[tuple[str, Limit]]:
    if standards is not None and use_case in standards.use_cases:
        for limit in standards.limits(use_case):
            yield METRICS[limit.metric], limit


def _limit_rows(use_case: str, limits: Sequence[tuple[str, Limit]], found: Figures) -> Iterator[LimitRow]:
    for metric, limit in limits:
        key = (use_case, metric, limit.percentile)
        allowed = _ALLOWED.get(limit.percentile, limit.value)
        window, day = found.month.get(key), found.day.get(key)
        n, over = (window.n, window.over) if window is not None else (0, 0)
        enough = n >= Judged(metric, limit.percentile, limit.value, n, over, None).n_min and allowed > 0
        name = metric.removesuffix("_ms").removesuffix("_usd").replace("_", " ")
        at = "" if limit.percentile == "mean" else f" {limit.percentile}"
        left = budget_left(window, allowed) if window is not None and enough else None
        days = days_to_exhaustion(window, day, allowed) if window is not None and day is not None and enough else None
        share = over / n if n else None
        times = share / allowed if share is not None and allowed else 0.0
        words = f"{name}{at} ≤ {in_words(metric, limit.value)}"
        yield LimitRow(use_case, f"{metric}.{limit.percentile}", words, share, times, n, left, days)


def _sums(found: Figures) -> Piece:
    """Return the counts of all pieces of all use cases."""
    rows = [row[1:] for pieces in found.pieces.values() for row in pieces]
    return Piece(found.span.since, *(sum(column) for column in zip(*rows, strict=True))) if rows else _nothing(found)


def _nothing(found: Figures) -> Piece:
    return Piece(found.span.since, *(0,) * (len(Piece._fields) - 1))


def _did(found: Figures) -> dict[str, tuple[int, float]]:
    """Return by event how often traffic rules did it, and US dollars."""
    names = {event for events in found.events.values() for event in events}
    return {
        name: (
            sum(events.get(name, (0, 0))[0] for events in found.events.values()),
            sum(events.get(name, (0, 0))[1] for events in found.events.values()) / 1e9,
        )
        for name in names
    }


def _money(sources: Sources, standards: Standards | None, service: str) -> dict[str, Any]:
    """Return the month of the service, and its chart."""
    if standards is None:
        return {"month": None, "month_chart": None}
    today = datetime.fromtimestamp(sources.clock(), UTC).date()

    def make() -> tuple[Month | None, LineChart | None]:
        month = next(iter(months(sources.ledger, standards, today, is_whole=False, only=service)), None)
        if month is None:
            return None, None
        first = today.replace(day=1)
        spent = sources.ledger.totals.spent("service", first, today, name=service).get(service, {})
        daily = {day: usd / 1e9 for day, usd in spent.items()}
        days = calendar.monthrange(today.year, today.month)[1]
        return month, service_charts.month_chart(month, daily, day_number(first), days)

    month, chart = sources.kept(("month", service), make)
    return {"month": month, "month_chart": chart}


def _incidents(sources: Sources, service: str, span: TimeSpan) -> list[Any]:
    since = int((span.until - _INCIDENTS_S) * 1e6)
    found = [one for one in sources.ledger.incidents.list(ended_since_us=since) if one.limit.service == service]
    return sorted(found, key=lambda one: (not one.is_open, -one.since_us))[:_EVENTS_MAX]


def _waivers(sources: Sources, standards: Standards | None, service: str) -> list[Any]:
    if standards is None:
        return []
    now = sources.clock()
    wanted = (WaiverState.APPROVED, WaiverState.PENDING)
    return [
        (one, one.days_left(datetime.fromtimestamp(now, UTC)))
        for one in all_waivers(sources.ledger, standards, now)
        if one.service == service and one.state in wanted
    ]


def _card(sources: Sources, standards: Standards | None, service: str) -> Card | None:
    if standards is None:
        return None
    made = sources.kept(
        ("scorecard", service), lambda: scorecards(sources.ledger, standards, sources.clock(), only=service)
    )
    return next(iter(made), None)


def _series_rows(sources: Sources, span: TimeSpan, service: str) -> Iterator[tuple[Any, ...]]:
    for (use_case, metric), points in sorted(figures(sources, span, service).value.points.items()):
        for point in points:
            yield point.at, use_case, metric, point.p50, point.p95, point.n


def _count_rows(sources: Sources, span: TimeSpan, service: str) -> Iterator[tuple[Any, ...]]:
    for use_case, pieces in sorted(figures(sources, span, service).value.pieces.items()):
        for piece in pieces:
            yield piece.at, use_case, *piece[1:]


def _percentile_rows(sources: Sources, span: TimeSpan, service: str) -> Iterator[tuple[Any, ...]]:
    found = figures(sources, span, service).value
    for use_case in sorted(found.pieces):
        chart = service_charts.curves(found, use_case, [])
        for curve in chart.curves if chart is not None else ():
            for q, value in zip(QUANTILES, curve.values, strict=True):
                yield use_case, curve.name, q, value


def _heat_rows(sources: Sources, span: TimeSpan, service: str) -> Iterator[tuple[Any, ...]]:
    found = figures(sources, span, service).value
    for use_case in sorted(found.pieces):
        drawn = service_charts.heat(found, use_case, [])
        for at, counts in drawn.rows if drawn is not None else ():
            for name, n in zip(drawn.names if drawn is not None else (), counts, strict=True):
                if n:
                    yield at, use_case, name, n


TABLES: Final = (
    ("series", ("at", "use_case", "metric", "p50", "p95", "values"), _series_rows),
    ("counts", ("at", "use_case", *Piece._fields[1:]), _count_rows),
    ("percentiles", ("use_case", "metric", "quantile", "ms"), _percentile_rows),
    ("heat", ("at", "use_case", "ms", "requests"), _heat_rows),
)
"""Tables behind the page, as CSV: name, columns, rows."""
