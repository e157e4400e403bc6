"""Shares of errors over their limit: the limits that are no percentile, which the watch leaves alone. Kind `errors`.

Reads the exact counts of limits of the last hour and the last six, for all services together.
"""

from __future__ import annotations

from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.shares import Share
from paceline.governance.signals.words import percent
from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["look"]

SPANS: Final = ((3_600, "hour"), (6 * 3_600, "6 hours"))
"""An hour finds an outage, six hours find what fails steadily at little traffic."""
ERRORS_MIN: Final = 5
"""Errors below which nothing is told: one bad minute of one caller makes as many."""
ENOUGH: Final = 20
"""Requests from which a share is known to be within, as in the report."""
PAGE_TIMES: Final = 6.0
"""Times the limit in the last hour from which somebody has to look now: a month's allowance goes in five days."""
URGENT_TIMES: Final = 3.0
SETTLED_S: Final = 90

LIMIT: Final = ("error_share", "mean")


def look(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Judge the error share of every use case that has a limit on it. Raises `LedgerError`."""
    until = int(now - SETTLED_S) // 60 * 60
    found = [ledger.totals.limits(until - length, until) for length, _ in SPANS]
    signals = []
    for service, use_case in sorted({names for each in found for names in each}):
        terms = standards.use_cases.get(use_case)
        limit = terms.limit(*LIMIT) if terms is not None else None
        counts = [each.get((service, use_case), {}).get(LIMIT, (0, 0)) for each in found]
        if service and limit is not None and counts[-1][0]:
            shares = [Share(over, n) for n, over in counts]
            signals.append(_judged(service, use_case, shares, limit.value))
    return signals


def _judged(service: str, use_case: str, shares: list[Share], limit: float) -> Signal:
    is_over = [each.hits >= ERRORS_MIN and each.at_least > limit for each in shares]
    at = next((at for at, over in enumerate(is_over) if over), len(shares) - 1)
    share, span = shares[at], SPANS[at][1]
    what = (
        f"{percent(share.share)} of its requests is failing in the last {span} "
        f"({share.hits:,} of {share.n:,}), {percent(limit)} allowed"
    )
    if not any(is_over):
        state = Measured.OFF if share.n >= ENOUGH else Measured.UNKNOWN
        return Signal("errors", service, state, use_case=use_case, measure=LIMIT[0], what=what)
    step = "see which provider fails and how: paceline report --since 1h; put a deployment that works first"
    severity = _severity(shares, limit) if is_over[0] else Severity.TICKET
    return Signal("errors", service, Measured.ON, severity, use_case, LIMIT[0], "", what, (), step)


def _severity(shares: list[Share], limit: float) -> Severity:
    hour = shares[0].at_least
    if hour >= PAGE_TIMES * limit:
        return Severity.PAGE
    return Severity.URGENT if hour >= URGENT_TIMES * limit else Severity.TICKET
