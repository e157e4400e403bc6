"""What the standards promise, one objective a service, use case and limit: what rules and SLOs are made of.

Knows no tool's form. A limit on a percentile lets a share of requests be over it; a limit on a share is that share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paceline.governance.incidents.judging import allowed_share
from paceline.standards import METRICS, Limit, Standards
from paceline.standards.limits import figure

__all__ = ["Objective", "Promise", "objectives", "promises"]


@dataclass(frozen=True, slots=True)
class Promise:
    """One limit of a use case."""

    use_case: str
    class_name: str
    limit: Limit

    @property
    def metric(self) -> str:
        """The metric by the name that ledger and plan give it."""
        return METRICS[self.limit.metric]

    @property
    def allowed(self) -> float:
        """The share of requests that may be over the limit."""
        share = allowed_share(self.limit.percentile)
        return self.limit.value if share is None else round(share, 9)

    @property
    def words(self) -> str:
        """The limit as people write it: `ttft p95 1 s`."""
        percentile = "" if self.limit.percentile == "mean" else f"{self.limit.percentile} "
        return f"{self.limit.metric} {percentile}{figure(self.limit)}"


@dataclass(frozen=True, slots=True)
class Objective:
    """A promise as one service keeps it, and who answers for that."""

    service: str
    owner: str
    promise: Promise


def promises(standards: Standards) -> Iterator[Promise]:
    """Yield the limits of every use case, in the order of the file; none that allows nothing, or everything."""
    for name, terms in standards.use_cases.items():
        for limit in terms.limits:
            promise = Promise(name, standards.options.use_cases[name].class_, limit)
            if 0.0 < promise.allowed < 1.0:
                yield promise


def objectives(standards: Standards) -> Iterator[Objective]:
    """Yield the promises of every service's use cases, service after service."""
    known: dict[str, list[Promise]] = {}
    for promise in promises(standards):
        known.setdefault(promise.use_case, []).append(promise)
    for name, service in standards.options.services.items():
        for use_case in service.use_cases:
            for promise in known.get(use_case, ()):
                yield Objective(name, service.owner or "", promise)
