"""Every step an incident can take, and those it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from paceline.governance.alerts import Severity
from paceline.governance.incidents.states import (
    DUE,
    ENDS,
    REASONS,
    IncidentState,
    Reason,
    TransitionError,
    check_transition,
    due,
)

OPEN = [state for state in IncidentState if state.is_open]
DETECTED = datetime(2026, 11, 23, 12, tzinfo=UTC)


def may(now: IncidentState, to: IncidentState) -> bool:
    try:
        check_transition(now, to, reason=Reason.DEPLOY, note="seen", waiver="w-1")
    except TransitionError:
        return False
    return True


def test_every_pair_of_states() -> None:
    steps = {(now.value, to.value) for now in IncidentState for to in IncidentState if may(now, to)}
    onward = [("detected", "triaged"), ("detected", "investigating"), ("detected", "mitigated")]
    onward += [("triaged", "investigating"), ("triaged", "mitigated"), ("investigating", "mitigated")]
    ends = [(now.value, end.value) for now in OPEN for end in ENDS]
    assert steps == {*onward, *ends}


@pytest.mark.parametrize(
    ("to", "given", "message"),
    [
        (IncidentState.RESOLVED, {}, "name the reason: one of mix, provider"),
        (IncidentState.ACCEPTED, {"reason": Reason.MIX}, "only an approved waiver"),
        (IncidentState.ACCEPTED, {"waiver": "w-1"}, "name the reason"),
        (IncidentState.FALSE_ALARM, {"note": "  "}, "needs a note"),
    ],
)
def test_an_end_needs_what_reviews_will_ask_for(to: IncidentState, given: dict[str, object], message: str) -> None:
    with pytest.raises(TransitionError, match=message):
        check_transition(IncidentState.TRIAGED, to, **given)  # type: ignore[arg-type]


def test_a_refusal_says_what_is_possible() -> None:
    with pytest.raises(TransitionError, match="from there it goes to accepted, false alarm, resolved"):
        check_transition(IncidentState.MITIGATED, IncidentState.TRIAGED)
    with pytest.raises(TransitionError, match="it is false alarm and stays so"):
        check_transition(IncidentState.FALSE_ALARM, IncidentState.RESOLVED, reason=Reason.MIX)


def test_what_is_due_next_follows_severity_and_state() -> None:
    assert due(Severity.PAGE, IncidentState.DETECTED, DETECTED) == (
        IncidentState.TRIAGED,
        DETECTED + timedelta(minutes=30),
    )
    assert due(Severity.PAGE, IncidentState.INVESTIGATING, DETECTED) == (
        IncidentState.MITIGATED,
        DETECTED + timedelta(hours=4),
    )
    assert due(Severity.TICKET, IncidentState.MITIGATED, DETECTED) == (
        IncidentState.RESOLVED,
        DETECTED + timedelta(days=28),
    )
    assert all(due(severity, end, DETECTED) is None for severity in Severity for end in ENDS)


def test_what_is_more_severe_is_due_sooner_and_later_states_later() -> None:
    for severity in Severity:
        assert all(one < other for one, other in pairwise(DUE[severity].values()))
    for state in DUE[Severity.PAGE]:
        spans = [DUE[severity][state] for severity in Severity]
        assert spans == sorted(spans)


def test_every_reason_is_explained() -> None:
    assert set(REASONS) == set(Reason)
