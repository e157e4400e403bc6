"""Shares of errors over their limit: the limits that are no percentile, which the watch leaves alone. Kind `errors`.

Reads the exact counts of limits in six windows, from five minutes to three days, for all services together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.shares import Share
from paceline.governance.signals.words import percent
from paceline.governance.statistics.burn import WINDOWS
from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["look"]

ERRORS_MIN: Final = 5
"""Errors below which nothing is told: one bad minute of one caller makes as many."""
ENOUGH: Final = 20
"""Requests from which a share is known to be within, as in the report."""
TIMES: Final = {Severity.PAGE: 6.0, Severity.URGENT: 3.0, Severity.TICKET: 1.0}
"""Times the limit, by the windows of a burn rate: six times for an hour uses a month's allowance up in five days."""
SETTLED_S: Final = 90

LIMIT: Final = ("error_share", "mean")
_WORDS: Final = {3_600: "hour", 6 * 3_600: "6 hours", 3 * 86_400: "3 days"}


@dataclass(frozen=True, slots=True)
class _Over:
    """A window in which the share is over its limit, and how bad that is."""

    severity: Severity
    length: int


def look(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Judge the error share of every use case that has a limit on it. Raises `LedgerError`."""
    until = int(now - SETTLED_S) // 60 * 60
    lengths = sorted({length for window in WINDOWS for length in (window.long_s, window.short_s)})
    found = {length: ledger.totals.limits(until - length, until) for length in lengths}
    signals = []
    for service, use_case in sorted(found[lengths[-1]]):
        terms = standards.use_cases.get(use_case)
        limit = terms.limit(*LIMIT) if terms is not None else None
        if service and limit is not None:
            counts = {length: each.get((service, use_case), {}).get(LIMIT, (0, 0)) for length, each in found.items()}
            shares = {length: Share(over, n) for length, (n, over) in counts.items()}
            signals += [_judged(service, use_case, shares, limit.value)] if shares[lengths[-1]].n else []
    return signals


def _judged(service: str, use_case: str, shares: Mapping[int, Share], limit: float) -> Signal:
    over = _over(shares, limit)
    lately = WINDOWS[0].long_s if over is None and shares[WINDOWS[0].long_s].n else WINDOWS[1].long_s
    length = over.length if over is not None else lately
    share = shares[length]
    what = (
        f"{percent(share.share)} of its requests is failing in the last {_WORDS[length]} "
        f"({share.hits:,} of {share.n:,}), {percent(limit)} allowed"
    )
    if over is None:
        state = Measured.OFF if shares[WINDOWS[1].long_s].n >= ENOUGH else Measured.UNKNOWN
        return Signal("errors", service, state, use_case=use_case, measure=LIMIT[0], what=what)
    step = "see which provider fails and how: paceline report --since 1h; put a deployment that works first"
    return Signal("errors", service, Measured.ON, over.severity, use_case, LIMIT[0], "", what, (), step)


def _over(shares: Mapping[int, Share], limit: float) -> _Over | None:
    """Return the worst that holds: over the limit beyond chance in a long window, and still in its short one."""
    found = [
        _Over(severity, window.long_s)
        for window in WINDOWS
        if shares[window.long_s].hits >= ERRORS_MIN
        and shares[window.long_s].exceeds(limit)
        and shares[window.short_s].share > limit
        for severity, times in TIMES.items()
        if shares[window.long_s].share >= times * limit and _at_most(severity, window.severity)
    ]
    order = list(TIMES)
    return min(found, key=lambda one: (order.index(one.severity), one.length), default=None)


def _at_most(severity: Severity, window: Severity) -> bool:
    """Tell whether a window may be as bad as that: three days are never a page."""
    order = list(TIMES)
    return order.index(severity) >= order.index(window)
