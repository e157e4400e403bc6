"""PromQL of the dashboards' panels: quantiles, rates, shares, and what the published limits make of them.

`$service` and the like are Grafana's variables. A limit is a line of its own: a constant for each use case that has
it, so that one panel serves every use case. Must not know panels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from paceline.exports.objectives import Promise
from paceline.exports.prometheus import failed_query, over_query
from paceline.exports.scrape import FAILED, REQUESTS

__all__ = [
    "CHOSEN",
    "MODELS",
    "attained",
    "failed_share",
    "hourly_cost",
    "limit_line",
    "per_second",
    "quantile",
    "ratio",
]

CHOSEN: Final = 'service=~"$service",use_case=~"$use_case"'
"""Label matchers of what is chosen on the boards of services."""

MODELS: Final = 'model=~"$model",deployment=~"$deployment",deployment!=""'
"""Label matchers of what is chosen on the board of models; what was sent nowhere has no deployment."""

_STEP: Final = "$__rate_interval"
_RANGE: Final = "$__range"
_FAILED: Final = "|".join(FAILED)


def _by(labels: str) -> str:
    return f"sum by ({labels})" if labels else "sum"


def per_second(name: str, chosen: str = "", by: str = "") -> str:
    """Write how fast a counter grows."""
    return f"{_by(by)} (rate({name}{{{chosen}}}[{_STEP}]))"


def quantile(share: float, family: str, chosen: str = "", by: str = "") -> str:
    """Write a quantile of a family of histograms: interpolated between two boundaries."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({family}_bucket{{{chosen}}}[{_STEP}])))"


def ratio(above: str, below: str) -> str:
    """Write a share that is nothing, not an error, where there is nothing to divide by."""
    return f"({above})\n/ ({below} > 0)"


def failed_share(chosen: str, by: str = "") -> str:
    """Write the share of failed requests among those that budgets count."""
    counted = per_second(REQUESTS, f'{chosen},outcome=~"ok|{_FAILED}"', by)
    failed = per_second(REQUESTS, f'{chosen},outcome=~"{_FAILED}"', by)
    return ratio(f"{failed} or 0 * {counted}", counted)


def hourly_cost(chosen: str = "", by: str = "") -> str:
    """Write US dollars an hour, attempts beside the one that answered included."""
    cost = per_second("paceline_cost_usd_total", chosen, by)
    return f"3600 * ({cost} + {per_second('paceline_other_cost_usd_total', chosen, by)})"


def _alike(promises: Iterable[Promise]) -> Iterator[tuple[Promise, str]]:
    """Yield one promise for each value that limits of a metric have, with a matcher of the use cases that have it."""
    found: defaultdict[float, list[Promise]] = defaultdict(list)
    for each in promises:
        found[each.limit.value].append(each)
    for _, alike in sorted(found.items()):
        names = "|".join(each.use_case.replace(".", r"\\.") for each in alike)
        yield alike[0], f'use_case=~"{names}"'


def limit_line(promises: Iterable[Promise]) -> str:
    """Write limits of one metric and percentile as a line for each use case: seconds, or a share."""
    lines = [
        f"0 * count by (use_case) ({REQUESTS}{{{CHOSEN},{mine}}}) + {_plain(promise):g}"
        for promise, mine in _alike(promises)
    ]
    return "\nor ".join(lines)


def _plain(promise: Promise) -> float:
    return promise.limit.value / 1000 if promise.metric.endswith("_ms") else promise.limit.value


def attained(promises: Iterable[Promise]) -> str:
    """Write the share of requests within limits of one metric and percentile, by service and use case."""
    parts = []
    for promise, mine in _alike(promises):
        chosen = f"{CHOSEN},{mine}"
        judged, over = over_query(promise, chosen, f"({failed_query(chosen, _RANGE)})", _RANGE)
        parts.append(f"1 - ({over})\n/ (({judged}) > 0)")
    return "\nor ".join(parts)
