"""Incidents: the list, and one with its timeline, its messages and what can be done with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from paceline.dashboard.sources import Sources
from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.states import REASONS, IncidentState, due
from paceline.ledger.incidents import BREACH, Incident

__all__ = ["listed", "one", "words_of"]


def listed(sources: Sources, state: str, team: str | None) -> dict[str, Any]:
    """Return the open ones, or those that ended in the last 28 days too."""
    since = None if state == "open" else int((sources.clock() - 28 * 86_400) * 1e6)
    found = sources.ledger.incidents.list(ended_since_us=since)
    shown = [each for each in found if (state != "ended" or not each.is_open) and team in (None, "", each.owner)]
    return {"incidents": [_shown(each) for each in shown], "state": state, "now": sources.clock(), "team": team}


def one(sources: Sources, number: str) -> dict[str, Any] | None:
    """Return one and all there is about it; none for none."""
    known = sources.ledger.incidents.get(number)
    if known is None:
        return None
    found, events = known
    entries = [(event.at_us, event.actor, event.kind, event.text) for event in events]
    messages = sources.ledger.outbox.of(number)
    entries += [(each.at_us, "paceline", "told", f"{each.event}: {each.team}, {each.channel}") for each in messages]
    detected = datetime.fromtimestamp(found.detected_us / 1e6, UTC)
    state = IncidentState(found.state)
    children = [each for each in sources.ledger.incidents.list() if each.parent == number]
    return {
        **_shown(found),
        "facts": Facts.loaded(found.facts),
        "timeline": sorted(entries, key=lambda entry: entry[0]),
        "due": due(Severity(found.severity), state, detected),
        "onward": _onward(state),
        "reasons": {reason.value: said for reason, said in REASONS.items()},
        "children": [_shown(each) for each in children],
        "now": sources.clock(),
    }


def words_of(incident: Incident) -> str:
    """Return what is wrong, as a clause."""
    return Facts.loaded(incident.facts).what or f"{limit_words(incident.limit)} is over its limit"


def _shown(incident: Incident) -> dict[str, Any]:
    subject = " / ".join(name for name in (incident.limit.service, incident.limit.use_case) if name)
    return {
        "incident": incident,
        "subject": subject or f"provider {incident.provider}",
        "what": words_of(incident),
        "kind": limit_words(incident.limit) if incident.kind == BREACH else incident.kind,
        "state_words": IncidentState(incident.state).words,
    }


def _onward(state: IncidentState) -> list[str]:
    order = [IncidentState.DETECTED, IncidentState.TRIAGED, IncidentState.INVESTIGATING, IncidentState.MITIGATED]
    return [each.value for each in order[order.index(state) + 1 :]] if state in order else []
