"""Teams: what each answers for, how its services stand, what it spends, what waits for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from paceline.dashboard.pages import incidents, overview, spend
from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.governance.scorecard import scorecards
from paceline.governance.scorecard.card import Card
from paceline.governance.waivers import Waiver, WaiverState, all_waivers
from paceline.ledger.incidents import Incident
from paceline.ledger.verdict import State
from paceline.standards import Standards
from paceline.standards.alerting import CHANNELS, AlertOptions

__all__ = ["NOBODY", "TeamRow", "cards", "one", "rows"]

NOBODY = "nobody"
"""Stands for the owner of services that have none."""


@dataclass(frozen=True, slots=True)
class TeamRow:
    """One team beside the others."""

    name: str
    phase: str
    contact: str
    services: int
    over: int
    """Use cases over their budget."""
    judged: int
    requests: int
    spent: float
    """US dollars since the month's first day."""
    budget: float | None
    coverage: float | None
    incidents: int
    pages: int
    """Open incidents that page."""
    waivers: int
    levels: tuple[tuple[str, int], ...]
    """How many services have reached which level."""


def rows(sources: Sources, standards: Standards, span: TimeSpan) -> list[TeamRow]:
    """Return every team, and `nobody` where something has no owner; who has most over budget first."""
    measured: defaultdict[str, list[overview.Row]] = defaultdict(list)
    for row in overview.rows(sources, standards, span):
        measured[row.owner or NOBODY].append(row)
    open_ones: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in sources.ledger.incidents.list():
        open_ones[incident.owner or NOBODY].append(incident)
    money = {each.name: each for each in spend.rows(sources, standards, "team", _this_month(sources))}
    levels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    owners = {name: each.owner or NOBODY for name, each in standards.options.services.items()}
    for card in cards(sources, standards):
        levels[owners.get(card.service, NOBODY)][card.level] += 1
    waived = Counter(owners.get(each.service, NOBODY) for each in _in_force(sources, standards))
    found = [
        _row(name, standards, measured[name], open_ones[name], money.get(name), waived[name], levels[name])
        for name in dict.fromkeys([*standards.options.teams, *measured])
    ]
    return sorted(found, key=lambda one: (-one.over, -one.pages, -one.incidents, one.name))


def one(sources: Sources, standards: Standards | None, span: TimeSpan, name: str) -> dict[str, Any] | None:
    """Return all there is about a team; none for one that is not known."""
    if standards is None or (name != NOBODY and name not in standards.options.teams):
        return None
    written = standards.options.teams.get(name)
    own = sorted(service for service, each in standards.options.services.items() if (each.owner or NOBODY) == name)
    since = int((sources.clock() - 28 * 86_400) * 1e6)
    known = [each for each in sources.ledger.incidents.list(ended_since_us=since) if (each.owner or NOBODY) == name]
    measured = [row for row in overview.rows(sources, standards, span) if (row.owner or NOBODY) == name]
    return {
        "team": name,
        "written": written,
        "channels": [] if written is None else [kind for each in written.alerts for kind in _kinds(each)],
        "services": own,
        "rows": measured,
        "made_at": overview.attained(sources, span).at,
        "row": next((each for each in rows(sources, standards, span) if each.name == name), None),
        "open": [incidents.shown(each) for each in known if each.is_open],
        "ended": sum(not each.is_open for each in known),
        "waivers": [each for each in _in_force(sources, standards) if each.service in own],
        "pending": [each for each in _all(sources, standards, WaiverState.PENDING) if each.service in own],
        "cards": [card for card in cards(sources, standards) if card.service in own],
        "now": sources.clock(),
    }


def cards(sources: Sources, standards: Standards) -> list[Card]:
    """Return the scorecards of all services. Raises `LedgerError`."""
    return sources.kept("scorecards", lambda: scorecards(sources.ledger, standards, sources.clock()))


def _row(  # noqa: PLR0913, PLR0917  # what a row is made of
    name: str,
    standards: Standards,
    measured: list[overview.Row],
    open_ones: list[Incident],
    money: spend.Spent | None,
    waived: int,
    levels: Counter[str],
) -> TeamRow:
    written = standards.options.teams.get(name)
    return TeamRow(
        name,
        "" if written is None else written.phase or "",
        "" if written is None else written.contact,
        len({row.service for row in measured}),
        sum(row.state is State.OVER for row in measured),
        sum(row.state in {State.OVER, State.WITHIN} for row in measured),
        sum(row.found.requests for row in measured),
        0.0 if money is None else money.spent,
        None if money is None else money.budget,
        None if money is None else money.coverage,
        len(open_ones),
        sum(each.severity == "page" for each in open_ones),
        waived,
        tuple(sorted(levels.items())),
    )


def _this_month(sources: Sources) -> date:
    return datetime.fromtimestamp(sources.clock(), UTC).date().replace(day=1)


def _in_force(sources: Sources, standards: Standards) -> list[Waiver]:
    return _all(sources, standards, WaiverState.APPROVED)


def _all(sources: Sources, standards: Standards, state: WaiverState) -> list[Waiver]:
    return [each for each in all_waivers(sources.ledger, standards, sources.clock()) if each.state is state]


def _kinds(alert: AlertOptions) -> list[str]:
    """Name the channels of an alert; their addresses are secrets."""
    return [name for name in CHANNELS if getattr(alert, name)]
