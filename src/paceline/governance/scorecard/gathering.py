"""What the checks look at, for every service of the standards. Four sums of 28 days, the incidents, the waivers.

Decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.states import IncidentState, due
from paceline.governance.review.attainment import WINDOW_DAYS
from paceline.governance.waivers import Waiver, all_waivers
from paceline.ledger import Ledger
from paceline.ledger.incidents import Incident
from paceline.ledger.lint import LintState
from paceline.ledger.verdict import Limit
from paceline.standards import METRICS, Standards

__all__ = ["Facts", "gathered"]

_COUNTERS: Final = (
    "n",
    "n_untagged",
    "n_off_standard",
    "n_cost_due",
    "n_cost",
    "n_ok",
    "n_streamed",
    "tokens_input",
    "tokens_cached",
)
_INTERACTIVE: Final = frozenset(
    {"chat", "chat-interactive", "chat-large", "autocomplete", "agent", "voice", "reasoning"}
)

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Facts:
    """What is known of one service. Counts are those of the last 28 days."""

    name: str
    owner: str
    contact: str
    use_cases: tuple[str, ...]
    classless: tuple[str, ...] = ()
    """Use cases that name no class of their own: they have the default one's budget."""
    capless: tuple[str, ...] = ()
    """Use cases whose answers have no cap."""
    counts: Mapping[str, int] = field(default_factory=dict)
    interactive: tuple[int, int] = (0, 0)
    """Whole answers of interactive use cases, and of them the streamed ones."""
    limits: tuple[tuple[str, Limit], ...] = ()
    """Use case, and a published limit of it with what was counted against it."""
    cache_hits: int = 0
    """Calls answered from the exact cache."""
    overdue: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    lint: LintState | None = None
    """What the linter last said of its code."""
    now: datetime = _NEVER


def gathered(ledger: Ledger, standards: Standards, now: float, *, only: str | None = None) -> list[Facts]:
    """Gather every service's facts, by name; with `only` that one's alone. `now`: Unix seconds.

    Raises `LedgerError`.
    """
    since = now - WINDOW_DAYS * 86_400
    counters = ledger.totals.counters(since, now, _COUNTERS, service=only)
    counted = ledger.totals.limits(since, now, service=only)
    events = ledger.totals.events(since, now, ("service",), service=only)
    moment = datetime.fromtimestamp(now, UTC)
    overdue = _overdue(ledger.incidents.list(), moment)
    linted = ledger.lint.latest()
    waivers: defaultdict[str, list[Waiver]] = defaultdict(list)
    for waiver in all_waivers(ledger, standards, now):
        waivers[waiver.service].append(waiver)
    found = []
    for name, options in sorted(standards.options.services.items()):
        if only not in {None, name}:
            continue
        facts = _standing(standards, name)
        own = {use_case: counters.get((name, use_case), (0,) * len(_COUNTERS)) for use_case in options.use_cases}
        rest = [row for (service, use_case), row in counters.items() if service == name and use_case not in own]
        sums = [sum(column) for column in zip(*own.values(), *rest, strict=True)] or [0] * len(_COUNTERS)
        facts.counts = dict(zip(_COUNTERS, sums, strict=True))
        facts.interactive = _interactive(standards, own)
        facts.limits = tuple(_limits(standards, name, options.use_cases, counted))
        hits = events.get((name,), {})
        facts.cache_hits = sum(hits.get(event, (0, 0))[0] for event in ("cache_hit", "cache_shared"))
        facts.overdue, facts.waivers = tuple(overdue.get(name, ())), tuple(waivers[name])
        facts.lint, facts.now = linted.get(name), moment
        found.append(facts)
    return found


def _standing(standards: Standards, name: str) -> Facts:
    options = standards.options.services[name]
    team = standards.options.teams.get(options.owner or "")
    written = standards.options.use_cases
    own = [use_case for use_case in options.use_cases if use_case in written]
    return Facts(
        name=name,
        owner=options.owner or "",
        contact=team.contact.strip() if team is not None else "",
        use_cases=tuple(own),
        classless=tuple(each for each in own if "class_" not in written[each].model_fields_set),
        capless=tuple(each for each in own if _has_no_cap(standards, each)),
    )


def _has_no_cap(standards: Standards, use_case: str) -> bool:
    terms = standards.use_cases[use_case]
    return terms.max_output_tokens is None and not terms.cap_learned


def _interactive(standards: Standards, own: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    streamed, whole = _COUNTERS.index("n_streamed"), _COUNTERS.index("n_ok")
    rows = [row for use_case, row in own.items() if standards.use_cases[use_case].built_in in _INTERACTIVE]
    # A stream that failed is counted as one, and as no whole answer.
    return sum(row[whole] for row in rows), sum(min(row[streamed], row[whole]) for row in rows)


def _limits(
    standards: Standards,
    service: str,
    use_cases: list[str],
    counted: Mapping[tuple[str, ...], Mapping[tuple[str, str], tuple[int, int]]],
) -> list[tuple[str, Limit]]:
    found = []
    for use_case in use_cases:
        rows = counted.get((service, use_case), {})
        for limit in standards.limits(use_case):
            metric = METRICS[limit.metric]
            n, over = rows.get((metric, limit.percentile), (0, 0))
            found.append((use_case, Limit(metric, limit.percentile, limit.value, n, over, None)))
    return found


def _overdue(incidents: list[Incident], now: datetime) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in incidents:
        detected = datetime.fromtimestamp(one.detected_us / 1e6, UTC)
        wanted = due(Severity(one.severity), IncidentState(one.state), detected)
        if wanted is not None and wanted[1] < now and not one.parent:
            found[one.limit.service].append(one.id)
    return dict(found)
