"""Waivers: what is asked for, what holds and until when, what is over and still broken; and how one is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from paceline.dashboard.sources import Sources
from paceline.governance.exclusions import all_exclusions
from paceline.governance.incidents import limit_words
from paceline.governance.waivers import Source, Waiver, WaiverState, all_waivers
from paceline.ledger.incidents import BREACH, Incident
from paceline.standards import Standards

__all__ = ["SOON_DAYS", "Shown", "asked_for", "one", "rows", "values"]

SOON_DAYS: Final = 14
"""Days before its end from which a waiver is marked: time to ask for another."""
_GROUPS: Final = ("overdue", "waiting", "ending", "in force", "over")


@dataclass(frozen=True, slots=True)
class Shown:
    """A waiver as the page says it."""

    waiver: Waiver
    group: str
    """`overdue`: it is over and what it covered is still wrong; `waiting`, `ending`, `in force`, `over`."""
    owner: str
    days_left: int | None
    incidents: tuple[str, ...]
    """Open ones that it covers."""

    @property
    def tone(self) -> str:
        """How the group reads."""
        return {"overdue": "bad", "waiting": "warn", "ending": "warn", "in force": "good"}.get(self.group, "quiet")


def rows(sources: Sources, standards: Standards) -> list[Shown]:
    """Return every waiver, what needs somebody first. Raises `LedgerError`."""
    now = datetime.fromtimestamp(sources.clock(), UTC)
    breaches = [each for each in sources.ledger.incidents.list() if each.kind == BREACH]
    owners = {name: each.owner or "" for name, each in standards.options.services.items()}
    found = [
        _shown(each, breaches, owners.get(each.service, ""), now)
        for each in all_waivers(sources.ledger, standards, sources.clock())
    ]
    far = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (_GROUPS.index(one.group), one.waiver.ends or far, one.waiver.id))


def values(sources: Sources, standards: Standards | None) -> dict[str, Any]:
    """Return all waivers, and the times that are not judged."""
    if standards is None:
        return {"rows": [], "exclusions": [], "counts": {}}
    found = rows(sources, standards)
    return {
        "rows": found,
        "counts": {name: sum(one.group == name for one in found) for name in _GROUPS},
        "exclusions": [one for one in all_exclusions(sources.ledger, standards) if one.ended is None],
    }


def one(sources: Sources, standards: Standards | None, number: str) -> dict[str, Any] | None:
    """Return one with what was done to it; none for none."""
    if standards is None:
        return None
    found = next((each for each in rows(sources, standards) if each.waiver.id == number), None)
    if found is None:
        return None
    row = sources.ledger.waivers.get(number)
    return {
        "shown": found,
        "asked": None if row is None else row.requested_us / 1e6,
        "days": None if row is None else row.days,
        "is_file": found.waiver.source is Source.FILE,
        "timeline": sources.ledger.audit.list(subject=f"waiver {number}")[::-1],
    }


def asked_for(standards: Standards | None, incident: Incident | None, chosen: dict[str, str]) -> dict[str, Any]:
    """Return what the form of a request offers, filled in from an incident or the address."""
    if standards is None:
        return {"services": {}, "limits": [], "models": [], "chosen": chosen, "days_max": 0, "incident": None}
    if incident is not None:
        limit = limit_words(incident.limit) if incident.kind == BREACH else ""
        told = {"service": incident.limit.service, "use_case": incident.limit.use_case, "limit": limit}
        chosen = {**told, **{name: value for name, value in chosen.items() if value}}
    services = {name: list(each.use_cases) for name, each in standards.options.services.items()}
    use_cases = services.get(chosen.get("service", ""), list(standards.use_cases))
    limits = {
        f"{limit.metric} {limit.percentile}" if limit.percentile != "mean" else limit.metric
        for name in use_cases
        if name in standards.use_cases
        for limit in standards.limits(name)
    }
    return {
        "services": services,
        "limits": sorted(limits),
        "models": list(standards.options.models),
        "chosen": chosen,
        "days_max": standards.options.policy.waiver_days_max,
        "incident": incident,
    }


def _shown(waiver: Waiver, breaches: list[Incident], owner: str, now: datetime) -> Shown:
    covered = tuple(each.id for each in breaches if waiver.covers(*each.limit))
    left = waiver.days_left(now)
    group = "over"
    if waiver.state is WaiverState.PENDING:
        group = "waiting"
    elif waiver.state is WaiverState.APPROVED:
        group = "ending" if left is not None and left < SOON_DAYS else "in force"
    elif waiver.state is WaiverState.EXPIRED and covered:
        group = "overdue"
    return Shown(waiver, group, owner, left, covered)
