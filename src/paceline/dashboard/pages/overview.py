"""Overview: every service's use case beside its budget, worst first, with its owner. The page everyone opens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from paceline.dashboard.sources import Made, Sources
from paceline.dashboard.spans import TimeSpan
from paceline.ledger.attainment import Attainment
from paceline.ledger.verdict import State, in_words
from paceline.standards import Standards

__all__ = ["CSV_NAMES", "Row", "attained", "chosen_of", "csv_row", "rows", "values"]

CSV_NAMES: Final = (
    *("service", "use_case", "owner", "class", "phase", "requests", "limit", "measured", "share_over", "times_allowed"),
    *("cost_usd", "cost_coverage", "state", "verdict"),
)
_ORDER: Final = (State.OVER, State.WITHIN, State.TOO_FEW, State.NO_BUDGET, State.NO_TRAFFIC)
STATE_WORDS: Final = {
    State.OVER: "over budget",
    State.WITHIN: "within",
    State.TOO_FEW: "too few to tell",
    State.NO_BUDGET: "no budget",
    State.NO_TRAFFIC: "no traffic",
}
_PLACES: Final = {state: place for place, state in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class Row:
    """One service's use case."""

    found: Attainment
    class_: str
    phase: str
    incidents: int
    """Open ones."""

    @property
    def service(self) -> str:
        """Its service."""
        return self.found.service

    @property
    def use_case(self) -> str:
        """Its use case; empty for requests that named none."""
        return self.found.use_case

    @property
    def owner(self) -> str:
        """The team; empty for none."""
        return self.found.owner

    @property
    def state(self) -> State:
        """What is known of its budget."""
        return self.found.state

    @property
    def state_words(self) -> str:
        """The state as people read it."""
        return STATE_WORDS[self.found.state]

    @property
    def why(self) -> str:
        """The verdict without what the state says already."""
        return self.found.verdict.removeprefix(self.state_words).removeprefix(" budget").lstrip(":; ")

    @property
    def measured(self) -> str:
        """The worst limit's percentile itself, in its unit; empty where none is known."""
        worst = self.found.worst
        return "" if worst is None or worst.measured is None else in_words(worst.metric, worst.measured)

    @property
    def limit_words(self) -> str:
        """The worst limit: `ttft p95 ≤ 800 ms`."""
        worst = self.found.worst
        if worst is None:
            return ""
        name = worst.metric.removesuffix("_ms").removesuffix("_usd").replace("_", " ")
        at = "" if worst.percentile == "mean" else f" {worst.percentile}"
        return f"{name}{at} ≤ {in_words(worst.metric, worst.value)}"

    @property
    def limit_key(self) -> str:
        """The worst limit as addresses write it: `ttft_ms.p95`."""
        worst = self.found.worst
        return "" if worst is None else f"{worst.metric}.{worst.percentile}"

    @property
    def change(self) -> float | None:
        """Of the share over the worst limit against the span before, in parts of all requests."""
        share = self.found.worst.share_over if self.found.worst is not None else None
        return None if share is None or self.found.before is None else share - self.found.before

    @property
    def has_course(self) -> bool:
        """Tell whether there are two pieces of time at least that say something."""
        return sum(value is not None for value in self.found.course) > 1

    @property
    def cost_per_request(self) -> float | None:
        """US dollars an answered request, other attempts included; none where nothing is known to have cost."""
        found = self.found
        return found.cost_usd / found.answered if found.answered and found.cost_usd else None


def attained(sources: Sources, span: TimeSpan, service: str | None = None) -> Made[list[Attainment]]:
    """Return what the ledger says of the span, with the moment it said it. Raises `LedgerError`."""
    return sources.made(
        ("attained", span.key, service),
        lambda: sources.ledger.attainment(span.since, span.until, piece=span.piece, service=service),
    )


def rows(sources: Sources, standards: Standards | None, span: TimeSpan, service: str | None = None) -> list[Row]:
    """Return every service's use case, worst first; with `service` only that one's. Raises `LedgerError`."""
    return _rows(sources, standards, attained(sources, span, service).value)


def _rows(sources: Sources, standards: Standards | None, found: list[Attainment]) -> list[Row]:
    open_by = Counter((one.limit.service, one.limit.use_case) for one in sources.ledger.incidents.list())
    made = [Row(one, *_standing(standards, one), open_by[one.service, one.use_case]) for one in found]
    return sorted(made, key=lambda row: (_PLACES[row.state], -min(row.found.times, 1e9), row.service, row.use_case))


def values(
    sources: Sources, standards: Standards | None, span: TimeSpan, chosen: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return what the template needs; `chosen` are the filters: team, class, phase, state, search."""
    made = attained(sources, span)
    found = _rows(sources, standards, made.value)
    shown = chosen_of(found, chosen)
    return {
        "rows": shown,
        "total": len(found),
        "counts": Counter(row.state.value for row in shown),
        "requests": sum(row.found.requests for row in shown),
        "cost": sum(row.found.cost_usd for row in shown),
        "answered": sum(row.found.answered for row in shown),
        "options": [
            ("team", sorted({row.owner for row in found} - {""})),
            ("class", sorted({row.class_ for row in found} - {""})),
            ("phase", sorted({row.phase for row in found} - {""})),
            ("state", [(state.value, STATE_WORDS[state]) for state in _ORDER if any(r.state is state for r in found)]),
        ],
        "incidents": [one for one in sources.ledger.incidents.list() if not one.parent],
        "chosen": chosen,
        "made_at": made.at,
        "now": sources.clock(),
    }


def chosen_of(found: list[Row], chosen: Mapping[str, str | None]) -> list[Row]:
    """Return the rows that filters leave."""
    wanted = [chosen.get(name) for name in ("team", "class", "phase", "state")]
    kept = [
        row
        for row in found
        if all(
            not value or value == own
            for value, own in zip(wanted, (row.owner, row.class_, row.phase, row.state.value), strict=True)
        )
    ]
    text = (chosen.get("search") or "").strip().lower()
    return [row for row in kept if text in f"{row.service} {row.use_case} {row.owner}".lower()]


def csv_row(row: Row) -> tuple[Any, ...]:
    """Return a row as `CSV_NAMES` has it."""
    found, worst = row.found, row.found.worst
    return (
        *(row.service, row.use_case, row.owner, row.class_, row.phase, found.requests, row.limit_words),
        *(None if worst is None else worst.measured, None if worst is None else worst.share_over, found.times),
        *(found.cost_usd, found.cost_coverage, found.state.value, found.verdict),
    )


def _standing(standards: Standards | None, found: Attainment) -> tuple[str, str]:
    if standards is None:
        return "", ""
    written = standards.options.use_cases.get(found.use_case)
    team = standards.options.teams.get(found.owner)
    return (written.class_ if written is not None else ""), (team.phase or "" if team is not None else "")
