"""Overview: every service's use case beside its budget, worst first, with its owner. The page everyone opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.ledger.report import ServiceRow
from paceline.ledger.verdict import Limit, State, in_words
from paceline.standards import Standards

__all__ = ["Row", "rows", "values"]

_ORDER: Final = (State.OVER, State.WITHIN, State.TOO_FEW, State.NO_BUDGET, State.NO_TRAFFIC)
STATE_WORDS: Final = {
    State.OVER: "over budget",
    State.WITHIN: "within",
    State.TOO_FEW: "too few to tell",
    State.NO_BUDGET: "no budget",
    State.NO_TRAFFIC: "no traffic",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One service's use case."""

    service: str
    use_case: str
    owner: str
    class_: str
    phase: str
    requests: int
    state: State
    verdict: str
    worst: Limit | None
    """The limit that is nearest to being broken, or broken most."""
    change: float | None
    """Of the share over the worst limit against the span before, in parts of all requests."""
    cost_per_request: float | None
    cost_usd: float
    cost_coverage: float | None
    incidents: int

    @property
    def state_words(self) -> str:
        """The state as people read it."""
        return STATE_WORDS[self.state]

    @property
    def measured(self) -> str:
        """The worst limit's percentile itself, in its unit; empty where none is known."""
        worst = self.worst
        return "" if worst is None or worst.measured is None else in_words(worst.metric, worst.measured)

    @property
    def limit_words(self) -> str:
        """The worst limit: `ttft p95 ≤ 800 ms`."""
        worst = self.worst
        if worst is None:
            return ""
        name = worst.metric.removesuffix("_ms").removesuffix("_usd").replace("_", " ")
        at = "" if worst.percentile == "mean" else f" {worst.percentile}"
        return f"{name}{at} ≤ {in_words(worst.metric, worst.value)}"

    @property
    def times(self) -> float:
        """Times the allowed share that is over the worst limit; 0 where nothing was judged."""
        return _times(self.worst) if self.worst is not None else 0.0


def rows(sources: Sources, standards: Standards | None, span: TimeSpan) -> list[Row]:
    """Return every service's use case, worst first. Raises `LedgerError`."""
    found = sources.kept(("overview", span.name), lambda: _measured(sources, span))
    open_by = sources.ledger.incidents.list()
    made = []
    for row, before in found:
        names = row.group["service"], row.group["use_case"]
        limits = [limit for metric in row.metrics.values() for limit in metric.limits]
        worst = max((limit for limit in limits if limit.n), key=_times, default=None)
        answered = row.outcomes.get("ok", 0)
        made.append(
            Row(
                *names,
                row.owner or "",
                *_standing(standards, names[1], row.owner or ""),
                row.requests,
                row.state,
                row.verdict,
                worst,
                _change(worst, before),
                row.cost_usd / answered if answered and row.cost_usd else None,
                row.cost_usd,
                row.cost_coverage,
                sum((one.limit.service, one.limit.use_case) == names for one in open_by),
            )
        )
    return sorted(made, key=lambda row: (_ORDER.index(row.state), -min(row.times, 1e9), row.service, row.use_case))


def values(
    sources: Sources, standards: Standards | None, span: TimeSpan, chosen: dict[str, str | None]
) -> dict[str, Any]:
    """Return what the template needs; `chosen` are the filters: team, class, phase, search."""
    found = rows(sources, standards, span)
    wanted = {"owner": chosen.get("team"), "class_": chosen.get("class"), "phase": chosen.get("phase")}
    shown = [row for row in found if all(not value or getattr(row, name) == value for name, value in wanted.items())]
    text = (chosen.get("search") or "").strip().lower()
    shown = [row for row in shown if text in f"{row.service} {row.use_case} {row.owner}".lower()]
    return {
        "rows": shown,
        "total": len(found),
        "over": sum(row.state is State.OVER for row in shown),
        "within": sum(row.state is State.WITHIN for row in shown),
        "requests": sum(row.requests for row in shown),
        "cost": sum(row.cost_usd for row in shown),
        "teams": sorted({row.owner for row in found} - {""}),
        "classes": sorted({row.class_ for row in found} - {""}),
        "phases": sorted({row.phase for row in found} - {""}),
        "incidents": [one for one in sources.ledger.incidents.list() if not one.parent][:5],
        "chosen": chosen,
    }


def _measured(sources: Sources, span: TimeSpan) -> list[tuple[ServiceRow, dict[tuple[str, str], tuple[int, int]]]]:
    report = sources.ledger.measure(span.since, span.until)
    before = sources.ledger.totals.limits(span.since - span.length, span.since)
    return [(row, before.get((row.group["service"], row.group["use_case"]), {})) for row in report.services]


def _standing(standards: Standards | None, use_case: str, owner: str) -> tuple[str, str]:
    if standards is None:
        return "", ""
    written = standards.options.use_cases.get(use_case)
    team = standards.options.teams.get(owner)
    return (written.class_ if written is not None else ""), (team.phase or "" if team is not None else "")


def _times(limit: Limit) -> float:
    allowed = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}.get(limit.percentile, limit.value)
    return (limit.share_over or 0.0) / allowed if allowed else 0.0


def _change(worst: Limit | None, before: dict[tuple[str, str], tuple[int, int]]) -> float | None:
    if worst is None or worst.share_over is None:
        return None
    n, over = before.get((worst.metric, worst.percentile), (0, 0))
    return worst.share_over - over / n if n >= 20 else None
