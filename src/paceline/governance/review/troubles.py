"""Incidents of the period: open at its end, or ended in it; with ages, and what is overdue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.states import IncidentState, due
from paceline.governance.review.document import Incident
from paceline.governance.review.period import Span
from paceline.ledger import Ledger
from paceline.ledger.incidents import Incident as Kept

__all__ = ["incidents_in"]

_DAY_S: Final = 86_400
_RANK: Final = {Severity.PAGE: 0, Severity.URGENT: 1, Severity.TICKET: 2}


def incidents_in(ledger: Ledger, span: Span) -> tuple[Incident, ...]:
    """Return what was open in the period, as of its end: what ended later counts as open. Raises `LedgerError`."""
    until_us = int(span.until * 1e6)
    kept = ledger.incidents.list(ended_since_us=int(span.since * 1e6))
    return tuple(sorted((_told(one, span) for one in kept if one.detected_us < until_us), key=_place))


def _told(one: Kept, span: Span) -> Incident:
    began, detected = one.since_us / 1e6, one.detected_us / 1e6
    ended = one.ended_us / 1e6 if one.ended_us is not None and one.ended_us < span.until * 1e6 else None
    state = IncidentState(one.state)
    ended_later = ended is None and not state.is_open
    facts = Facts.loaded(one.facts)
    return Incident(
        id=one.id,
        kind=one.kind,
        service=one.limit.service,
        use_case=one.limit.use_case,
        owner=one.owner,
        severity=one.severity,
        what=facts.what or (f"{limit_words(one.limit)} is over its limit" if one.limit.percentile else one.kind),
        began=began,
        detected=detected,
        ended=ended,
        state="open" if ended_later else state.words,
        reason=one.reason if ended is not None else "",
        age_days=((span.until if ended is None else ended) - began) / _DAY_S,
        is_new=detected >= span.since,
        overdue=_overdue(one, span) if ended is None and not ended_later else "",
        waiver=one.waiver,
        next_step=facts.next_step,
    )


def _overdue(one: Kept, span: Span) -> str:
    detected = datetime.fromtimestamp(one.detected_us / 1e6, UTC)
    following = due(Severity(one.severity), IncidentState(one.state), detected)
    if following is None or following[1].timestamp() >= span.until:
        return ""
    return following[0].words


def _place(one: Incident) -> tuple[bool, int, float, str]:
    return one.ended is not None, _RANK[Severity(one.severity)], one.began, one.id
