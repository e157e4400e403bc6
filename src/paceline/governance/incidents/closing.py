"""When an incident may close by itself: the data must say so, and silence never does.

An incident is over when enough requests have come since it was mitigated, over a long enough time, and they are within
the budget. Missing data freezes it. Model: OpenObserve freezes alerts on what cannot be measured.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.statistics.burn import Count

__all__ = ["NOTE_FROM", "Closing", "ClosingRule", "Verdict", "continues", "needs_note", "rule_for", "verdict"]

NOTE_FROM: Final = 0.25
"""Share of a window's error budget used in an incident from which a note is required before it closes."""

_REOPEN_WITHIN: Final = timedelta(hours=24)


class Verdict(enum.StrEnum):
    """What the data say of an open incident."""

    GOES_ON = "goes_on"
    FROZEN = "frozen"
    WITHIN = "within"
    """Within the budget, but not yet for long enough or with too few requests."""
    OVER = "over"
    """It may close."""


@dataclass(frozen=True, slots=True)
class ClosingRule:
    """So many requests over such a time, all together within the budget."""

    requests: int
    span: timedelta


@dataclass(frozen=True, slots=True)
class Closing:
    """What was seen lately."""

    recent: Count
    """Requests of the rule's span, or since the incident began if that is shorter."""
    covered: timedelta
    """From the first to the last minute with traffic in it."""
    silent: timedelta
    """Time since the last request."""


_RULES: Final = {
    Severity.PAGE: ClosingRule(200, timedelta(hours=1)),
    Severity.URGENT: ClosingRule(200, timedelta(hours=6)),
    Severity.TICKET: ClosingRule(500, timedelta(days=1)),
}


def rule_for(severity: Severity) -> ClosingRule:
    """Return the closing rule of a severity: its own long window's length, at least."""
    return _RULES[severity]


def verdict(seen: Closing, rule: ClosingRule, allowed: float, *, silence: timedelta) -> Verdict:
    """Judge an open incident. `allowed`: share that may be over the limit; `silence`: when traffic counts as absent."""
    if seen.recent.n == 0 or seen.silent >= silence:
        return Verdict.FROZEN
    if seen.recent.share > allowed:
        return Verdict.GOES_ON
    enough = seen.recent.n >= rule.requests and seen.covered >= rule.span * 0.8
    return Verdict.OVER if enough else Verdict.WITHIN


def needs_note(budget_used: float) -> bool:
    """Tell whether an incident used so much of its window's error budget (1 is all) that it closes only with a note."""
    return budget_used >= NOTE_FROM


def continues(closed_for: timedelta) -> bool:
    """Tell whether a new breach of the same limit continues an incident that was closed so long ago."""
    return closed_for < _REOPEN_WITHIN
