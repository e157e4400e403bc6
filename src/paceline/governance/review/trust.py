"""Whether the figures and the gateway can be trusted: its overhead, and how much traffic is accounted for."""

from __future__ import annotations

from typing import Final

from paceline.governance.review.attainment import owner_of
from paceline.governance.review.document import Coverage, Overhead
from paceline.governance.review.period import Span
from paceline.ledger import Ledger
from paceline.ledger.report import Report
from paceline.ledger.sums import MetricSum
from paceline.standards import Standards

__all__ = ["covered", "overhead_of"]

_METRIC: Final = "overhead_us"
_COUNTERS: Final = ("n", "n_untagged", "n_cost_due", "n_cost", "n_off_standard")


def overhead_of(ledger: Ledger, span: Span, report: Report) -> Overhead:
    """Return the gateway's own time in the period and the one before. Raises `LedgerError`."""
    from paceline import _core

    now = report.overhead.get(_METRIC, MetricSum())
    before = ledger.reading(span.before.since, span.before.until, resolution=60).metrics([_METRIC], ())
    was = _core.quantiles([row.sketch for row in before], [0.5, 0.95]) if before else [None, None]
    return Overhead(now.n, now.quantiles["p50"], now.quantiles["p95"], now.quantiles["p99"], was[0], was[1])


def covered(ledger: Ledger, standards: Standards, span: Span) -> tuple[Coverage, ...]:
    """Return every service with traffic, the least accounted for first. Raises `LedgerError`."""
    now = ledger.totals.counters(span.since, span.until, _COUNTERS, ("service",))
    before = ledger.totals.counters(span.before.since, span.before.until, _COUNTERS, ("service",))
    found = []
    for (service,), (n, untagged, due, known, off) in now.items():
        if service and n:
            was_n, was_untagged, was_due, was_known, _ = before.get((service,), (0, 0, 0, 0, 0))
            found.append(
                Coverage(
                    service=service,
                    owner=owner_of(standards, service),
                    requests=n,
                    tagged=1 - untagged / n,
                    tagged_before=1 - was_untagged / was_n if was_n else None,
                    cost=known / due if due else None,
                    cost_before=was_known / was_due if was_due else None,
                    off_standard=off / n,
                )
            )
    return tuple(sorted(found, key=lambda one: (one.tagged * (1.0 if one.cost is None else one.cost), one.service)))
