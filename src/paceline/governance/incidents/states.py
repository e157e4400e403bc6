"""The life of an incident: its states, who may move it where, and by when.

    detected → triaged → investigating → mitigated → resolved
                                                   → accepted (by a waiver)
                                                   → false alarm

Every open state may go to any end. What comes back within a day continues the incident it was (`closing.continues`), so
that flapping is one incident. Model: Mozilla's performance sheriffing, where an alert is
untriaged, investigated, and then fixed, backed out, accepted or invalid, each by a due date.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.alerts.errors import GovernanceError

__all__ = ["DUE", "ENDS", "REASONS", "IncidentState", "Reason", "TransitionError", "check_transition", "due"]


class IncidentState(enum.StrEnum):
    """Where an incident stands."""

    DETECTED = "detected"
    TRIAGED = "triaged"
    INVESTIGATING = "investigating"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    ACCEPTED = "accepted"
    FALSE_ALARM = "false_alarm"

    @property
    def is_open(self) -> bool:
        """True while somebody has to do something."""
        return self not in ENDS

    @property
    def words(self) -> str:
        """As people read it."""
        return self.value.replace("_", " ")


class Reason(enum.StrEnum):
    """Why it happened, from a fixed list, so that reviews can count."""

    MIX = "mix"
    PROVIDER = "provider"
    DEPLOY = "deploy"
    CONFIGURATION = "configuration"
    CAPACITY = "capacity"
    MODEL = "model"
    PROMPT = "prompt"
    CACHE = "cache"
    RETRIES = "retries"
    INSTRUMENTATION = "instrumentation"
    UNKNOWN = "unknown"


REASONS: Final[dict[Reason, str]] = {
    Reason.MIX: "other or longer requests, none of them slower",
    Reason.PROVIDER: "the provider was slow or failing, for others too",
    Reason.DEPLOY: "a change of the service itself",
    Reason.CONFIGURATION: "a change of the standards or of the gateway's configuration",
    Reason.CAPACITY: "more requests than the deployment takes",
    Reason.MODEL: "another model or deployment",
    Reason.PROMPT: "longer prompts or answers for the same work",
    Reason.CACHE: "fewer hits of a cache",
    Reason.RETRIES: "more retries, hedges or fallbacks",
    Reason.INSTRUMENTATION: "the measurement, not the service",
    Reason.UNKNOWN: "nobody found out",
}

ENDS: Final = frozenset({IncidentState.RESOLVED, IncidentState.ACCEPTED, IncidentState.FALSE_ALARM})

_ORDER: Final = (
    IncidentState.DETECTED,
    IncidentState.TRIAGED,
    IncidentState.INVESTIGATING,
    IncidentState.MITIGATED,
)

DUE: Final[dict[Severity, dict[IncidentState, timedelta]]] = {
    Severity.PAGE: {
        IncidentState.TRIAGED: timedelta(minutes=30),
        IncidentState.MITIGATED: timedelta(hours=4),
        IncidentState.RESOLVED: timedelta(days=3),
    },
    Severity.URGENT: {
        IncidentState.TRIAGED: timedelta(hours=4),
        IncidentState.MITIGATED: timedelta(days=1),
        IncidentState.RESOLVED: timedelta(days=7),
    },
    Severity.TICKET: {
        IncidentState.TRIAGED: timedelta(days=2),
        IncidentState.MITIGATED: timedelta(days=14),
        IncidentState.RESOLVED: timedelta(days=28),
    },
}
"""Time from detection by which a state has to be reached; past it, the owner's contact hears of it again."""


class TransitionError(GovernanceError):
    """An incident cannot go there from where it stands, or something is missing for it."""


def check_transition(
    now: IncidentState, to: IncidentState, *, reason: Reason | None = None, note: str = "", waiver: str | None = None
) -> None:
    """Refuse a step that the life of an incident does not have.

    An end other than a false alarm needs a reason; acceptance needs a waiver; a false alarm needs a note. Raises
    `TransitionError`, which says what is possible.
    """
    if not now.is_open:
        raise TransitionError(f"it is {now.words} and stays so; a new breach continues it or opens another")
    if to in ENDS:
        _check_end(to, reason, note, waiver)
    elif _ORDER.index(to) <= _ORDER.index(now):
        further = [state.words for state in _ORDER[_ORDER.index(now) + 1 :]]
        ways = ", ".join([*further, *sorted(end.words for end in ENDS)])
        raise TransitionError(f"it is {now.words} already; from there it goes to {ways}")


def _check_end(to: IncidentState, reason: Reason | None, note: str, waiver: str | None) -> None:
    if to is IncidentState.ACCEPTED and waiver is None:
        raise TransitionError("only an approved waiver accepts a breach: paceline waivers request")
    if to is IncidentState.FALSE_ALARM and not note.strip():
        raise TransitionError("a false alarm needs a note that says what was wrong with it")
    if to is not IncidentState.FALSE_ALARM and reason is None:
        raise TransitionError(f"name the reason: one of {', '.join(Reason)}")


def due(severity: Severity, state: IncidentState, detected: datetime) -> tuple[IncidentState, datetime] | None:
    """Return what has to be reached next and by when; none for an end."""
    if not state.is_open:
        return None
    reached = _ORDER.index(state)
    for target, span in DUE[severity].items():
        if target in ENDS or _ORDER.index(target) > reached:
            return target, detected + span
    return None
