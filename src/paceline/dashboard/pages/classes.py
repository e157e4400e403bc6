"""Classes of use cases with their published budgets and where each limit comes from: the page to send a team to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from paceline.standards import Limit, Standards
from paceline.standards.limits import figure

__all__ = ["METRICS_SAID", "ClassShown", "LimitShown", "UseCaseShown", "limit_rows", "values"]

METRICS_SAID: Final = {
    "ttft": ("time to first token", "from the request's head to the first generated token, of streamed answers"),
    "ttfv": ("time to first visible", "to the first text or tool call that a user can see: reasoning does not count"),
    "tpot": ("time per token", "mean time between tokens after the first"),
    "stall": ("stall", "the longest gap within one answer: what a reader notices"),
    "total": ("total time", "to the last token of a stream, to the end of any other answer"),
    "job_age": ("age of a job", "from when it was meant to begin to its end"),
    "cost": ("cost of a request", "tokens times the prices in the plan, of requests whose cost is known"),
    "error_share": ("error share", "failed requests of all that were offered; a caller's own errors do not count"),
}
"""Metric as the standards name it -> its words, and what is measured."""
_SHARES: Final = {"p50": "half", "p90": "90 of 100", "p95": "95 of 100", "p99": "99 of 100"}


@dataclass(frozen=True, slots=True)
class LimitShown:
    """One limit. `is_ours`: a proposal of this project, not a published target."""

    name: str
    """`ttft p95`."""
    value: str
    meaning: str
    """`95 of 100 requests have their first token within 1 s`."""
    source: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class UseCaseShown:
    """A use case of the class, with the limits that it sets itself."""

    name: str
    description: str
    services: tuple[str, ...]
    own: tuple[LimitShown, ...]


@dataclass(frozen=True, slots=True)
class ClassShown:
    """A class, those in use first."""

    name: str
    description: str
    cap: int | None
    lane: str
    limits: tuple[LimitShown, ...]
    use_cases: tuple[UseCaseShown, ...]


def values(standards: Standards | None) -> dict[str, Any]:
    """Return every class in use or built in."""
    if standards is None:
        return {"classes": [], "metrics": METRICS_SAID}
    by_class: defaultdict[str, list[UseCaseShown]] = defaultdict(list)
    for name, written in standards.options.use_cases.items():
        by_class[written.class_].append(_use_case(standards, name, written.description))
    found = [
        ClassShown(
            name,
            terms.description,
            terms.max_output_tokens,
            terms.lane,
            tuple(map(_limit, terms.limits)),
            tuple(by_class.get(name, ())),
        )
        for name, terms in standards.classes.items()
    ]
    return {"classes": sorted(found, key=lambda one: (not one.use_cases, one.name)), "metrics": METRICS_SAID}


def limit_rows(standards: Standards | None) -> list[tuple[str, str, str, str, str, str]]:
    """Return every limit of every class and use case: kind, name, limit, value, source, whose proposal."""
    shown: list[ClassShown] = values(standards)["classes"]
    return [
        (kind, name, limit.name, limit.value, limit.source, "paceline" if limit.is_ours else "")
        for one in shown
        for kind, name, limits in (
            ("class", one.name, one.limits),
            *(("use case", use_case.name, use_case.own) for use_case in one.use_cases),
        )
        for limit in limits
    ]


def _use_case(standards: Standards, name: str, description: str) -> UseCaseShown:
    terms = standards.use_cases[name]
    own = [each for each in terms.limits if (each.metric, each.percentile) not in terms.inherited]
    users = [service for service, each in standards.options.services.items() if name in each.use_cases]
    return UseCaseShown(name, description, tuple(users), tuple(map(_limit, own)))


def _limit(limit: Limit) -> LimitShown:
    at = "" if limit.percentile == "mean" else f" {limit.percentile}"
    value = figure(limit)
    return LimitShown(
        f"{limit.metric.replace('_', ' ')}{at}", value, _meaning(limit, value), limit.source, bool(limit.ours)
    )


def _meaning(limit: Limit, value: str) -> str:
    if limit.percentile == "mean":
        return f"at most {value} of requests fail" if limit.metric == "error_share" else f"{value} on average"
    what = METRICS_SAID[limit.metric][0]
    return f"{_SHARES[limit.percentile]} requests: {what} at most {value}".replace("half requests", "half of requests")
