"""Shares of requests, and whether they are over a line beyond chance. Pure; the lines are each family's.

Requests count as independent, which they are not quite (a bad minute is bad for all); hence 3.09 standard errors, least
counts, and lines that leave room above what is usual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from paceline.governance.incidents.signal import Measured
from paceline.governance.statistics.coverage import share_rose

__all__ = ["ENOUGH", "ENOUGH_BEFORE", "Share", "Z", "judged", "over", "rose"]

Z: Final = 3.09
"""Standard errors: one false alarm in 1,000 looks, the looks being independent."""
ENOUGH: Final = 100
"""Requests below which a share says too little: one of them would be a whole percent."""
ENOUGH_BEFORE: Final = 300
"""Requests of the time before below which nothing is compared with it."""


@dataclass(frozen=True, slots=True)
class Share:
    """Requests, and of them those that something happened to."""

    hits: int
    n: int

    @property
    def share(self) -> float:
        """The share itself; 0 for no requests."""
        return self.hits / self.n if self.n else 0.0

    @property
    def at_least(self) -> float:
        """The lower end of Wilson's interval (1927), 3.09 standard errors; 0 for no requests."""
        if not self.n:
            return 0.0
        hits, n, squared = min(self.hits, self.n), self.n, Z * Z
        middle = hits + squared / 2
        spread = Z * math.sqrt(hits * (n - hits) / n + squared / 4)
        return max(0.0, (middle - spread) / (n + squared))


def over(share: Share, line: float, *, enough: int = ENOUGH) -> Measured:
    """Judge a share by a line alone."""
    if share.at_least > line:
        return Measured.ON
    return Measured.OFF if share.n >= enough else Measured.UNKNOWN


def rose(now: Share, before: Share, *, line: float = 1.0) -> Measured:
    """Judge a share by the time before; over `line` it is on whatever was before.

    The time before may hold the change already: what lasts for days becomes usual, unless it is over the line.
    """
    if now.n >= ENOUGH and now.at_least > line:
        return Measured.ON
    if now.n < ENOUGH or before.n < ENOUGH_BEFORE:
        return Measured.UNKNOWN
    return judged(share_rose((now.hits, now.n), (before.hits, before.n)))


def judged(is_on: bool) -> Measured:
    """On or off, where there was enough to tell."""
    return Measured.ON if is_on else Measured.OFF
