"""Every service and use case beside its budget, from rows of sums. Owns the report's figures and its JSON form.

The limits and the owner of a service are those of the plan that was in force in its last minute of the window; what
was over a limit was counted by the gateway against the limit in force at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine

from paceline.ledger import learning, windows
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.plans import Document
from paceline.ledger.sums import PERCENTILES, GroupName, GroupSum, MetricSum, Sums, each_service, merge_window
from paceline.ledger.traffic import cap_rows, traffic
from paceline.ledger.verdict import Limit, State, judge

DEFAULT_GROUP: Final[tuple[GroupName, ...]] = ("service", "use_case")
_OUTCOMES: Final = (
    *("ok", "refused", "caller_error", "provider_error", "gateway_error", "cancelled", "truncated"),
    *("timeout_connect", "timeout_first_token", "timeout_stall", "timeout_total", "lost"),
)
_FAILURES: Final = tuple(name for name in _OUTCOMES if name not in {"ok", "refused", "caller_error", "cancelled"})
OFFERED: Final = ("n_ok", *(f"n_{name}" for name in _FAILURES))
"""The counters of requests that a budget is judged on: answered or failed."""


@dataclass(frozen=True)
class MetricRow:
    """One metric of a service: milliseconds, US dollars or a share, by its name."""

    figures: MetricSum
    limits: tuple[Limit, ...]

    def document(self) -> dict[str, Any]:
        """Return the JSON form. `over` is the share over the strictest-watched limit: p95 if there is one."""
        shares = {limit.percentile: limit.share_over for limit in self.limits}
        main = "p95" if "p95" in shares else next(iter(shares), None)
        return {
            **{name: self.figures.quantiles[name] for name in PERCENTILES},
            "mean": self.figures.mean,
            "n": self.figures.n,
            "n_failed": self.figures.n_failed,
            "limits": {limit.percentile: limit.value for limit in self.limits},
            "over": None if main is None else shares[main],
            "over_by_limit": shares,
            "broken": [limit.percentile for limit in self.limits if limit.state is State.OVER],
        }


@dataclass(frozen=True)
class ServiceRow:
    """One group of requests, by default one service and use case."""

    group: Mapping[str, str]
    owner: str | None
    requests: int
    metrics: Mapping[str, MetricRow]
    outcomes: Mapping[str, int]
    tokens: Mapping[str, int]
    """`input` includes `cached` and `cache_write`, `output` includes `reasoning`."""
    cost_usd: float
    """Of the requests whose cost is known."""
    other_cost_usd: float
    """Of attempts beside those that answered, hedges that lost among them: spent as well, and not in `cost_usd`."""
    cost_coverage: float | None
    """Share of the answered requests whose cost is known; None when none was answered."""
    state: State
    verdict: str
    traffic: Mapping[str, Any]
    """What caches, other attempts, queues and limits did."""

    def document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            **self.group,
            "owner": self.owner,
            "requests": self.requests,
            "metrics": {name: row.document() for name, row in self.metrics.items()},
            "outcomes": dict(self.outcomes),
            "tokens": dict(self.tokens),
            "cost_usd": self.cost_usd,
            "other_cost_usd": self.other_cost_usd,
            "spent_usd": self.cost_usd + self.other_cost_usd,
            "cost_coverage": self.cost_coverage,
            "state": str(self.state),
            "verdict": self.verdict,
            "traffic": dict(self.traffic),
        }


@dataclass(frozen=True)
class Report:
    """A window of the ledger. `since` and `until` are Unix seconds, whole minutes."""

    since: int
    until: int
    overhead: Mapping[str, MetricSum]
    """The gateway's own time, microseconds: `overhead_us`, `overhead_in_us`, `overhead_back_us`."""
    services: tuple[ServiceRow, ...]
    unidentified: int = 0
    """Calls that carried no valid key, so that no service can be named for them; they were refused."""
    caps: tuple[Mapping[str, Any], ...] = ()
    """Output caps that the answers suggest, by use case and model."""
    cap_changes: tuple[learning.CapChange, ...] = ()
    """Changes of learned caps in the window."""

    def document(self) -> dict[str, Any]:
        """Return the JSON form that `paceline report --format json` prints."""
        return {
            "since": _iso(self.since),
            "until": _iso(self.until),
            "gateway": {
                name: {
                    **{percentile: figures.quantiles[percentile] for percentile in PERCENTILES},
                    "mean": figures.mean,
                    "n": figures.n,
                }
                for name in ("overhead_us", "overhead_in_us", "overhead_back_us")
                for figures in (self.overhead.get(name, MetricSum()),)
            }
            | {"unidentified": self.unidentified},
            "services": [row.document() for row in self.services],
            "caps": [dict(row) for row in self.caps],
            "cap_changes": [change.document() for change in self.cap_changes],
        }


def build(engine: Engine, since: float, until: float, group: Sequence[GroupName] = DEFAULT_GROUP) -> Report:
    """Merge the window, widened to whole minutes or the rows that are left, by the columns in `group`.

    Times are Unix seconds. Services of the newest plan that had no traffic are there too. Owners and limits need both
    `service` and `use_case` in the group. Raises `LedgerError`.
    """
    first, end = int(since // 60), -int(-until // 60)
    with translated("read the ledger"), reading(engine) as connection:
        window = windows.window(connection, first, end)
        first, end = window.since, window.until
        sums = merge_window(connection, window, group)
        caps = cap_rows(connection, sums.plans.get(sums.newest or ""), first * 60, end * 60)
        cap_changes = learning.changes(connection, first * 60, end * 60)
    nobody = [names for names in sums.groups if "service" in group and not names[list(group).index("service")]]
    unidentified = sum(sums.groups.pop(names).counters["n"] for names in nobody)
    rows = tuple(_rows(sums, group))
    return Report(first * 60, end * 60, sums.overhead, rows, unidentified, tuple(caps), tuple(cap_changes))


def _rows(sums: Sums, group: Sequence[GroupName]) -> Iterator[ServiceRow]:
    groups: dict[tuple[str, ...], GroupSum] = dict(sums.groups)
    if tuple(group) == DEFAULT_GROUP and sums.newest in sums.plans:
        for pair in each_service(sums.plans[sums.newest]):
            groups.setdefault(pair, GroupSum(plan=sums.newest))
    for names in sorted(groups):
        yield _row(dict(zip(group, names, strict=True)), groups[names], sums)


def _row(names: Mapping[str, str], found: GroupSum, sums: Sums) -> ServiceRow:
    plan = sums.plans.get(found.plan or "") or sums.plans.get(sums.newest or "")
    whole = plan is not None and {"service", "use_case"} <= set(names)
    counters = found.counters
    limits = list(limits_of(plan, names["use_case"], found)) if plan is not None and whole else []
    state, verdict = judge(counters["n"], offered(counters), limits)
    return ServiceRow(
        group=names,
        owner=owner_of(plan, names["service"]) if plan is not None and whole else None,
        requests=counters["n"],
        metrics=dict(_metrics(found, limits)),
        outcomes={name: counters[f"n_{name}"] for name in _OUTCOMES},
        tokens={
            **{name: counters[f"tokens_{name}"] for name in ("input", "cached", "cache_write", "output", "reasoning")},
            "requests_counted": counters["n_tokens"],
            "requests_estimated": counters["n_tokens_estimated"],
        },
        cost_usd=counters["cost_nanousd"] / 1e9,
        other_cost_usd=counters["other_nanousd"] / 1e9,
        cost_coverage=counters["n_cost"] / counters["n_cost_due"] if counters["n_cost_due"] else None,
        state=state,
        verdict=verdict,
        traffic=traffic(found),
    )


def offered(counters: Mapping[str, int]) -> int:
    """Return how many requests a budget is judged on: answered or failed."""
    return sum(counters[name] for name in OFFERED)


def _metrics(found: GroupSum, limits: Sequence[Limit]) -> Iterator[tuple[str, MetricRow]]:
    for name in dict.fromkeys([*(limit.metric for limit in limits), *found.metrics]):
        figures = _figures(found, name)
        yield name, MetricRow(figures, tuple(limit for limit in limits if limit.metric == name))


def _figures(found: GroupSum, metric: str) -> MetricSum:
    if metric != "error_share":
        return found.metrics.get(metric, MetricSum())
    failed = sum(found.counters[f"n_{name}"] for name in _FAILURES)
    return MetricSum(n=found.counters["n_ok"] + failed, total=float(failed))


def limits_of(plan: Document, use_case: str, found: GroupSum) -> Iterator[Limit]:
    """Yield the limits of a plan's use case with what was counted against them."""
    for one in _named(plan["use_cases"], use_case).get("limits", ()):
        metric, percentile = one["metric"], one["percentile"]
        n, over = found.limits.get((metric, percentile), (0, 0))
        figures = _figures(found, metric)
        measured = figures.mean if percentile == "mean" else figures.quantiles.get(percentile)
        yield Limit(metric, percentile, one["value"], n, over, measured)


def owner_of(plan: Document, service: str) -> str | None:
    """Return the team that owned a service under a plan."""
    owner: str | None = _named(plan["services"], service).get("owner")
    return owner


def _named(entries: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((entry for entry in entries if entry["name"] == name), {})


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
