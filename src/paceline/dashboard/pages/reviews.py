"""The review of now in eleven tiles, and the reviews that were written. Each tile leads to the page behind it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from paceline.dashboard.pages import gateway, incidents, overview, spend, teams, waivers
from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.governance.incidents.explaining import explain
from paceline.governance.review import rendered
from paceline.governance.review.attainment import left
from paceline.governance.review.document import BudgetLeft, Review
from paceline.governance.review.period import Period, Span
from paceline.governance.statistics.split import Split
from paceline.ledger.incidents import BREACH, Incident
from paceline.ledger.verdict import State
from paceline.standards import Standards

__all__ = ["Attained", "Covered", "Moved", "review_page", "values", "written"]

_MOST: Final = 12
_WORST: Final = 6
_PHASES: Final = ("pilot", "codify", "expand", "govern", "")
_Z: Final = 1.96


class Attained(NamedTuple):
    """One service beside the classes of its use cases: the worst of each."""

    service: str
    owner: str
    cells: tuple[overview.Row | None, ...]


class Covered(NamedTuple):
    """How much of a service's traffic can be accounted for."""

    service: str
    requests: int
    tagged: float
    cost: float | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A team in the rollout: the share of judged requests within their limits, now and in the span before."""

    team: str
    phase: str
    services: int
    now: tuple[float, float, float] | None
    """Share with the ends of its interval, 19 times of 20."""
    before: tuple[float, float, float] | None


def values(sources: Sources, standards: Standards | None, span: TimeSpan) -> dict[str, Any]:
    """Return the tiles and the list of reviews."""
    listed = written(sources)
    if standards is None:
        return {"reviews": listed, "is_empty": True}
    measured = overview.rows(sources, standards, span)
    open_ones = [each for each in sources.ledger.incidents.list() if not each.parent]
    month = datetime.fromtimestamp(sources.clock(), UTC).date().replace(day=1)
    classes = sorted({row.class_ for row in measured} - {""})
    judged = [row for row in measured if row.state in {State.OVER, State.WITHIN}]
    return {
        "reviews": listed,
        "made_at": overview.attained(sources, span).at,
        "is_empty": not measured,
        "judged": len(judged),
        "over": sum(row.state is State.OVER for row in judged),
        "classes": classes,
        "attained": _attained(measured, classes),
        "worst": [row for row in judged if row.found.worst is not None][:_WORST],
        "budgets": _budgets(sources, standards)[:_WORST],
        "summary": incidents.summary(sources),
        "open": [incidents.shown(each) for each in open_ones[:_WORST]],
        "split": _split(sources, open_ones),
        "costs": _costs(sources, standards),
        "spend": spend.values(sources, standards, "service", month),
        "overhead": gateway.values(sources, span),
        "covered": _covered(sources, span),
        "waivers": waivers.values(sources, standards),
        "board": _board(sources, standards, span),
        "phases": [
            phase for phase in _PHASES if any((each.phase or "") == phase for each in standards.options.teams.values())
        ],
        "now": sources.clock(),
    }


def written(sources: Sources) -> list[dict[str, Any]]:
    """Return the reviews that were written, the latest first."""
    found = sources.ledger.reviews.list(most=60)
    return [
        {"id": one.id, "period": one.period, "words": _words(one.since_us, one.until_us), "made": one.made_us / 1e6}
        for one in found
    ]


def review_page(sources: Sources, number: str) -> str | None:
    """Return a review as it was written, as a page of its own; none for one that never was."""
    kept = sources.ledger.reviews.get(number)
    return None if kept is None else rendered(Review.of(kept.document), "html")


def _attained(measured: Sequence[overview.Row], classes: Sequence[str]) -> list[Attained]:
    by_service: defaultdict[str, dict[str, overview.Row]] = defaultdict(dict)
    owners: dict[str, str] = {}
    for row in measured:  # worst first
        by_service[row.service].setdefault(row.class_, row)
        owners.setdefault(row.service, row.owner)
    return [
        Attained(service, owners[service], tuple(rows.get(class_) for class_ in classes))
        for service, rows in list(by_service.items())[:_MOST]
    ]


def _budgets(sources: Sources, standards: Standards) -> Sequence[BudgetLeft]:
    """Return what is left of error budgets as of the last midnight, least first."""
    today = datetime.fromtimestamp(sources.clock(), UTC).date()
    span = Span(Period.WEEK, today - timedelta(days=7), today)
    return sources.kept(("budgets left", today), lambda: left(sources.ledger, standards, span))


def _split(sources: Sources, open_ones: Sequence[Incident]) -> tuple[dict[str, Any], Split] | None:
    """Return the oldest open incident about time, and where the change of its p95 came from; none for none."""
    timed = [each for each in open_ones if each.limit.metric.endswith("_ms") and each.kind in {BREACH, "regression"}]
    if not timed:
        return None
    one = min(timed, key=lambda each: each.since_us)
    found = sources.kept(
        ("split", one.id), lambda: explain(sources.ledger, one.limit, one.since_us / 1e6, sources.clock())
    )
    return None if found.parts is None else (incidents.shown(one), found.parts)


def _costs(sources: Sources, standards: Standards) -> list[spend.Spent]:
    month = datetime.fromtimestamp(sources.clock(), UTC).date().replace(day=1)
    found = [each for each in spend.rows(sources, standards, "service", month) if each.per_ok is not None]
    return sorted(found, key=lambda each: -(each.per_ok or 0.0))[:_WORST]


def _covered(sources: Sources, span: TimeSpan) -> dict[str, Any]:
    names = ("n", "n_untagged", "n_cost_due", "n_cost")
    counted = sources.kept(
        ("covered", span.key),
        lambda: sources.ledger.totals.counters(span.since, span.until, names, ("service",)),
    )
    own = {service: counts for (service,), counts in counted.items() if service and counts[0]}
    n, untagged, due, known = (sum(each[place] for each in own.values()) for place in range(4))
    rows = [
        Covered(service, n, 1 - untagged / n, known / due if due else None)
        for service, (n, untagged, due, known) in own.items()
    ]
    rows = [each for each in rows if each.tagged < 0.995 or (each.cost is not None and each.cost < 0.995)]
    return {
        "tagged": 1 - untagged / n if n else None,
        "cost": known / due if due else None,
        "rows": sorted(rows, key=lambda each: each.tagged * (1.0 if each.cost is None else each.cost))[:_WORST],
    }


def _board(sources: Sources, standards: Standards, span: TimeSpan) -> list[Moved]:
    """Return every team with the share of its judged requests that kept to their limits, now and before."""

    def read() -> tuple[Any, Any]:
        totals = sources.ledger.totals
        now = totals.limits(span.since, span.until, ("service",))
        return now, totals.limits(span.since - span.length, span.since, ("service",))

    both = sources.kept(("board", span.key), read)
    owners = {name: each.owner or teams.NOBODY for name, each in standards.options.services.items()}
    found = []
    for team, written_ in standards.options.teams.items():
        own = {name for name, owner in owners.items() if owner == team}
        now, before = (_kept_share(counted, own) for counted in both)
        found.append(Moved(team, written_.phase or "", len(own), now, before))
    return found


def _kept_share(
    counted: Mapping[tuple[str, ...], Mapping[tuple[str, str], tuple[int, int]]], services: set[str]
) -> tuple[float, float, float] | None:
    """Return the share within limits with its interval (Wilson 1927); none where nothing was judged."""
    pairs = [
        counts
        for (service, *_), limits in counted.items()
        if service in services
        for (_, percentile), counts in limits.items()
        if percentile == "p95"
    ]
    n, over = sum(each[0] for each in pairs), sum(each[1] for each in pairs)
    if not n:
        return None
    share, square = 1 - over / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return share, max(0.0, middle - half), min(1.0, middle + half)


def _words(since_us: int, until_us: int) -> str:
    first = datetime.fromtimestamp(since_us / 1e6, UTC)
    last = datetime.fromtimestamp(until_us / 1e6, UTC) - timedelta(days=1)
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
