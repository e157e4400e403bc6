"""What people do to an incident: take it on, note something, name the reason, end it. Every act is in the timeline.

Owns who said what; which steps there are is `states`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from paceline.governance.alerts.errors import GovernanceError
from paceline.governance.incidents.closing import needs_note
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.states import IncidentState, Reason, TransitionError, check_transition
from paceline.governance.statistics.breach import BreachTest
from paceline.ledger import Ledger
from paceline.ledger.incidents import Incident, IncidentEvent, WatchWriter

__all__ = ["UnknownIncidentError", "acknowledge", "end", "note"]


class UnknownIncidentError(GovernanceError):
    """There is no such incident."""


def acknowledge(ledger: Ledger, incident: str, actor: str, *, to: IncidentState = IncidentState.TRIAGED) -> None:
    """Move an incident on, as its owner: triaged, investigating or mitigated.

    Raises `UnknownIncidentError`, `TransitionError`, `LedgerError`.
    """
    with _changing(ledger, incident) as (change, found):
        check_transition(IncidentState(found.state), to)
        text = f"{IncidentState(found.state).words} → {to.words}"
        change.change(incident, {"state": to.value}, _event(actor, "state", text))


def note(ledger: Ledger, incident: str, actor: str, text: str) -> None:
    """Add a note, to an ended incident too. Raises `UnknownIncidentError`, `LedgerError`."""
    with _changing(ledger, incident) as (change, _):
        change.note(incident, _event(actor, "note", text))


def end(  # noqa: PLR0913  # each by name: what an end is
    ledger: Ledger, incident: str, actor: str, to: IncidentState, *, reason: Reason | None = None, text: str = ""
) -> None:
    """End an incident as resolved or as a false alarm; acceptance follows from a waiver.

    Raises `UnknownIncidentError`, `TransitionError`, `LedgerError`.
    """
    with _changing(ledger, incident) as (change, found):
        named = reason or (Reason(found.reason) if found.reason else None)
        check_transition(IncidentState(found.state), to, reason=named, note=text)
        left = Facts.loaded(found.facts).budget_left
        if not text.strip() and left is not None and needs_note(1 - left) and not change.has_note(incident):
            raise TransitionError(
                "a quarter or more of its error budget is used: it ends with a note of what was found"
            )
        values = {"state": to.value, "ended_us": time.time_ns() // 1000, "reason": (named or Reason.UNKNOWN).value}
        said = f"{to.words}: {text}" if text else to.words
        change.change(incident, values, _event(actor, "state", said))
        _begin_anew(change, found)


def _begin_anew(change: WatchWriter, ended: Incident) -> None:
    """Let the limit's test forget what led to the incident: only what comes from now on speaks for another."""
    test = BreachTest.loaded(change.watched().tests.get(ended.limit), ended.allowed)
    change.save_tests({ended.limit: test.restarted().dumped()})


@contextmanager
def _changing(ledger: Ledger, incident: str) -> Iterator[tuple[WatchWriter, Incident]]:
    with ledger.incidents.changing() as change:
        found = change.get(incident)
        if found is None:
            raise UnknownIncidentError(f"there is no incident {incident}")
        yield change, found


def _event(actor: str, kind: str, text: str) -> IncidentEvent:
    return IncidentEvent(time.time_ns() // 1000, actor, kind, text)
