"""Many services at once: e-values, and the Benjamini-Hochberg procedure on them.

e-BH keeps the share of false alarms among all alarms whatever the dependence between services, which share providers.
Source: Wang and Ramdas, "False discovery rate control with e-values" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

__all__ = ["FALSE_SHARE", "e_bh", "e_value"]

FALSE_SHARE: Final = 0.05
"""Share of false alarms among the alarms that is allowed on average."""

_BETS: Final = (2.0, 3.0, 4.0, 6.0)
"""Standard errors away from no change for which each part of the mixture is best."""


def e_value(log_ratio: float, error: float) -> float:
    """Return the evidence that a ratio is over 1: its mean is at most 1 where it is not, the log ratio being normal.

    `error` is the standard error of the log ratio; without one there is no evidence, which is 1. At most 1e300.
    """
    if not math.isfinite(error) or error <= 0.0:
        return 1.0
    z = min(log_ratio / error, 38.0)
    return sum(math.exp(bet * z - bet * bet / 2) for bet in _BETS) / len(_BETS)


def e_bh(values: Sequence[float], false_share: float = FALSE_SHARE) -> tuple[bool, ...]:
    """Say of which e-values the null is rejected: the largest k with the k-th largest at least `len / (share k)`."""
    ordered = sorted(values, reverse=True)
    holds = [k for k, value in enumerate(ordered, 1) if value >= len(values) / (false_share * k)]
    least = ordered[holds[-1] - 1] if holds else math.inf
    return tuple(value >= least for value in values)
