"""What the report's cells say, the same for every output form.

Reads the document that `report --format json` prints; adds no figure of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paceline.cli.rendering import traffic, units

# Metric -> what a table calls it. The order is the order of a request's life.
METRICS = {
    "ttft_ms": "TTFT",
    "ttfv_ms": "TTFV",
    "tpot_ms": "TPOT",
    "stall_ms": "stall",
    "total_ms": "total",
    "job_age_ms": "job age",
    "error_share": "errors",
    "cost_usd": "cost",
}
LEGEND = {
    "TTFT": "time to the first token",
    "TTFV": "time to the first token a user sees",
    "TPOT": "time per output token after the first",
    "stall": "longest wait between two tokens",
    "total": "from the call to the end of its answer",
    "job age": "from submission to completion",
    "errors": "share of calls that failed",
    "cost": "money for one call",
}
# How calls ended that did not end well, after their number.
ENDS = {
    "refused": "refused by the standards",
    "caller_error": "wrong as the caller sent them",
    "provider_error": "failed at the provider",
    "gateway_error": "failed in the gateway",
    "cancelled": "cancelled by the caller",
    "truncated": "cut short",
    "timeout_connect": "timed out connecting",
    "timeout_first_token": "timed out before the first token",
    "timeout_stall": "timed out between tokens",
    "timeout_total": "timed out as a whole",
    "lost": "in flight when a gateway was killed",
}
CACHED_SHOWN = 0.01


@dataclass(frozen=True)
class LimitCells:
    """One limit of a metric."""

    limit: str
    over: str
    is_over: bool


@dataclass(frozen=True)
class MetricCells:
    """One metric of a budget: what it was, and what it may be."""

    name: str
    p50: str
    p95: str
    p99: str
    limits: tuple[LimitCells, ...]


@dataclass(frozen=True)
class ServiceCells:
    """One service and use case."""

    service: str
    use_case: str
    owner: str
    requests: str
    other_outcomes: str
    """How calls ended that did not end well; empty if all did."""
    metrics: tuple[MetricCells, ...]
    tokens: tuple[str, ...]
    cost: str
    """Of the calls whose cost is known."""
    coverage: str
    """The share of answered calls whose cost is known."""
    verdict: str
    state: str
    """`within`, `over`, `too_few`, `no_traffic`, `no_budget`."""
    traffic: tuple[str, ...] = ()
    """What caches, other attempts, queues and limits did, a sentence each; only what happened."""

    @property
    def is_over(self) -> bool:
        """True when the budget is broken."""
        return self.state == "over"

    @property
    def story(self) -> str:
        """The verdict, and how calls ended that did not end well."""
        return f"{self.verdict}; {self.other_outcomes}" if self.other_outcomes else self.verdict


def services(document: Mapping[str, Any]) -> list[ServiceCells]:
    """Return the cells of every service in the document."""
    return [_service(one) for one in document["services"]]


def overhead(document: Mapping[str, Any]) -> str:
    """Return the sentence about the gateway's own share of the time."""
    found = document["gateway"].get("overhead_us") or {}
    unidentified = int(document["gateway"].get("unidentified") or 0)
    turned_away = f" {unidentified:,} calls carried no valid key and were refused." if unidentified else ""
    if found.get("p50") is None:
        return f"The gateway's own overhead was not measured in this window.{turned_away}"
    figures = ", ".join(f"{name} {units.microseconds(found.get(name))}" for name in ("p50", "p95", "p99"))
    return f"The gateway itself added {figures} to a call.{turned_away}"


def window(document: Mapping[str, Any]) -> str:
    """Return the window in words: `2026-11-23 04:10 to 05:10 UTC`."""
    since, until = (str(document[name]).replace("T", " ")[:16] for name in ("since", "until"))
    return f"{since} to {until[11:] if until[:10] == since[:10] else until} UTC"


def legend(rows: Sequence[ServiceCells]) -> str:
    """Explain the metric names that occur."""
    used = dict.fromkeys(metric.name for row in rows for metric in row.metrics)
    return "; ".join(f"{name}: {LEGEND[name]}" for name in LEGEND if name in used)


def caps(document: Mapping[str, Any]) -> list[str]:
    """Return a sentence for every cap that answers suggest, and for every change of a learned one."""
    return [*map(traffic.cap, document.get("caps", ())), *map(traffic.cap_change, document.get("cap_changes", ()))]


def _service(one: Mapping[str, Any]) -> ServiceCells:
    ends = (f"{units.count(one['outcomes'][name])} {ENDS[name]}" for name in ENDS if one["outcomes"].get(name))
    return ServiceCells(
        service=one["service"] or "(no service)",
        use_case=one["use_case"] or "(untagged)",
        owner=one["owner"] or "nobody",
        requests=units.count(one["requests"]),
        other_outcomes=", ".join(ends),
        metrics=tuple(_metric(name, one["metrics"][name]) for name in _shown(one["metrics"])),
        tokens=_tokens(one["tokens"]) if one["requests"] else (units.NONE,),
        cost=units.dollars(one["cost_usd"] if one["cost_coverage"] else None),
        coverage=units.share(one["cost_coverage"]),
        verdict=one["verdict"],
        state=one["state"],
        traffic=traffic.sentences(one),
    )


def _shown(metrics: Mapping[str, Any]) -> list[str]:
    """Choose the metrics of the budget; without a budget, those that mean something everywhere."""
    limited = [name for name in METRICS if name in metrics and metrics[name]["limits"]]
    return limited or [name for name in ("ttft_ms", "total_ms") if name in metrics]


def _metric(name: str, found: Mapping[str, Any]) -> MetricCells:
    return MetricCells(
        name=METRICS[name],
        p50=_percentile(name, found, "p50"),
        p95=_percentile(name, found, "p95"),
        p99=_percentile(name, found, "p99"),
        limits=tuple(_limit(name, found, percentile, value) for percentile, value in found["limits"].items()),
    )


def _percentile(name: str, found: Mapping[str, Any], percentile: str) -> str:
    """Write a percentile; a failed call counts as endlessly slow, and a percentile can fall among those."""
    if found[percentile] is None and found["n_failed"]:
        return "failed"
    return units.of_metric(name, found[percentile])


def _limit(name: str, found: Mapping[str, Any], percentile: str, value: float) -> LimitCells:
    words = "" if percentile == "mean" else f"{percentile} "
    return LimitCells(
        limit=f"{words}≤ {units.of_metric(name, value)}",
        over=units.share(found["over_by_limit"][percentile]),
        is_over=percentile in found["broken"],
    )


def _tokens(tokens: Mapping[str, Any]) -> tuple[str, ...]:
    known = tokens["cached"] / tokens["input"] if tokens["input"] else 0.0
    cached = f" ({units.share(known)} cached)" if known >= CACHED_SHOWN else ""
    return (f"{units.count(tokens['input'])} in{cached}", f"{units.count(tokens['output'])} out")
