"""How bad is a breach? Burn rates over pairs of windows, and what is left of the error budget.

The burn rate is the share over a limit divided by the share that is allowed: 1 uses the budget up exactly at the end of
its window. Fixed factors (14.4, 6, 1) fit 99.9 %, and 14.4 is impossible for a p90, whose rate is at most 10. Here a
severity is an odds ratio, and the factor follows from the percentile: 6, 3 and 1.5 for a p95, and never more than the
largest there is. Source of the windows: Beyer et al., "The Site Reliability Workbook", chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from paceline.governance.alerts.alert import Severity

__all__ = ["WINDOWS", "BurnWindow", "Count", "budget_left", "burn_rate", "days_to_exhaustion", "severity"]

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Count:
    """Requests that a limit judged, and of them those over it; failures are among the latter."""

    n: int
    over: int

    @property
    def share(self) -> float:
        """Share over the limit; 0 for no requests."""
        return self.over / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """A severity: the odds ratio from which both windows must be over, and their lengths in seconds."""

    severity: Severity
    odds: float
    long_s: int
    short_s: int

    def share(self, allowed: float) -> float:
        """Return the share over the limit from which it holds; below 1 for every allowed share."""
        return self.odds * allowed / (1.0 - allowed + self.odds * allowed)

    def factor(self, allowed: float) -> float:
        """Return the same as a burn rate."""
        return self.share(allowed) / allowed


WINDOWS: Final = (
    BurnWindow(Severity.PAGE, 57 / 7, _HOUR, 5 * _MINUTE),
    BurnWindow(Severity.URGENT, 57 / 17, 6 * _HOUR, 30 * _MINUTE),
    BurnWindow(Severity.TICKET, 57 / 37, 3 * _DAY, 6 * _HOUR),
)
"""Most severe first. The odds are those of 30 %, 15 % and 7.5 % over, where 5 % are allowed."""

OVER_MIN: Final = 5
"""Requests over the limit in the long window below which no severity follows from it; in the short one: two."""
_OVER_SHORT_MIN: Final = 2


def burn_rate(count: Count, allowed: float) -> float:
    """Return how fast the error budget is used: 1 is as fast as it may be."""
    return count.share / allowed


def severity(counts: Callable[[int], Count], allowed: float) -> Severity | None:
    """Return the most severe level that holds now; none where no pair of windows does.

    `counts(seconds)` gives the counts of the last so many seconds. Both windows must be over: the long one so that it
    matters, the short one so that it still goes on.
    """
    for window in WINDOWS:
        long, short = counts(window.long_s), counts(window.short_s)
        enough = long.over >= OVER_MIN and short.over >= _OVER_SHORT_MIN
        if enough and min(long.share, short.share) >= window.share(allowed):
            return window.severity
    return None


def budget_left(count: Count, allowed: float) -> float | None:
    """Return the share of the error budget that is left; negative when overdrawn, none without requests."""
    return 1.0 - burn_rate(count, allowed) if count.n else None


def days_to_exhaustion(window: Count, last_day: Count, allowed: float) -> float | None:
    """Return the days until the window's budget is used up if every day were as the last.

    0 when it is used up already; none when it never will be at this rate. `window` holds all of the window so far.
    """
    left = allowed * window.n - window.over
    if left <= 0:
        return 0.0 if window.n else None
    used_a_day = last_day.over - allowed * last_day.n
    return left / used_a_day if used_a_day > 0 else None
