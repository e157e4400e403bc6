"""Shares of requests, and whether they are over a line beyond chance. Pure; the lines are each family's.

Looks come every few minutes, so each may be wrong only once in a million times. Requests count as independent, which
they are not quite (a bad minute is bad for all); hence least counts too, and lines well above what is usual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from paceline.governance.incidents.signal import Measured
from paceline.governance.statistics.coverage import share_rose

__all__ = ["ENOUGH", "ENOUGH_BEFORE", "Share", "Z", "judged", "over", "rose"]

CHANCE: Final = 1e-6
"""Chance of a false alarm at one look; there are 8,064 in 28 days, and they share most of their requests."""
Z: Final = 4.9
"""The same in standard errors of a normal law."""
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

    def exceeds(self, line: float) -> bool:
        """Tell whether chance alone hardly makes so many hits where the share is `line`.

        By Chernoff's bound of the binomial tail, `exp(-n KL(share || line))`: never too small, about tenfold too large.
        """
        if self.share <= line or self.hits > self.n:
            return False
        if line <= 0.0:
            return True
        missed = 1.0 - self.share
        surprise = self.share * math.log(self.share / line)
        surprise += missed * math.log(missed / (1.0 - line)) if missed else 0.0
        return self.n * surprise > -math.log(CHANCE)


def over(share: Share, line: float, *, enough: int = ENOUGH) -> Measured:
    """Judge a share by a line alone."""
    if share.exceeds(line):
        return Measured.ON
    return Measured.OFF if share.n >= enough else Measured.UNKNOWN


def rose(now: Share, before: Share, *, line: float = 1.0) -> Measured:
    """Judge a share by the time before; over `line` it is on whatever was before.

    The time before may hold the change already: what lasts for days becomes usual, unless it is over the line.
    """
    if now.n >= ENOUGH and now.exceeds(line):
        return Measured.ON
    if now.n < ENOUGH or before.n < ENOUGH_BEFORE:
        return Measured.UNKNOWN
    return judged(share_rose((now.hits, now.n), (before.hits, before.n), Z))


def judged(is_on: bool) -> Measured:
    """On or off, where there was enough to tell."""
    return Measured.ON if is_on else Measured.OFF
