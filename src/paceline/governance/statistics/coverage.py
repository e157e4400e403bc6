"""Can the figures be trusted at all? Expected traffic that is absent, tags that go missing, costs that are unknown.

Missing data is an event of its own: it freezes an incident and never closes it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from paceline.governance.statistics.tally import Floats

__all__ = ["is_silent", "share_fell", "share_rose"]

_WEEKS_MIN: Final = 2
_CHANCE: Final = 1e-6
"""Chance of a false silence at one look."""
_Z: Final = 3.09
"""Standard errors of a change of a share: one false alarm in 1,000 looks, requests being independent."""
_STEP: Final = 0.02
"""Change of a share below which nobody is told."""


def is_silent(n: int, past: Floats) -> bool | None:
    """Say whether `n` requests are fewer than chance lets them be, given the counts of the same span in past weeks.

    The expectation is the least of the past weeks, so that a quiet week makes no alarm; the tail is Poisson's with
    twice the variance, for real arrivals are burstier. None with fewer than two weeks.
    """
    if len(past) < _WEEKS_MIN:
        return None
    expected = float(np.min(past)) / 2.0
    seen = n // 2
    if expected <= seen:
        return False
    terms = [seen_at * math.log(expected) - expected - math.lgamma(seen_at + 1) for seen_at in range(seen + 1)]
    most = max(terms)
    return most + math.log(sum(math.exp(term - most) for term in terms)) < math.log(_CHANCE)


def share_rose(now: tuple[int, int], before: tuple[int, int], z: float = _Z) -> bool:
    """Say whether a share (hits, of all) rose beyond chance and by at least 2 points: untagged requests, for one.

    Wilson's score test of two shares, `z` standard errors; requests count as independent, hence the 2 points.
    """
    (hits, n), (hits_before, n_before) = now, before
    if min(n, n_before) == 0:
        return False
    pooled = (hits + hits_before) / (n + n_before)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_before))
    change = hits / n - hits_before / n_before
    return change >= _STEP and change > z * error


def share_fell(now: tuple[int, int], before: tuple[int, int], z: float = _Z) -> bool:
    """Say whether a share fell in the same sense: requests whose cost is known, of those that cost something."""
    (hits, n), (hits_before, n_before) = now, before
    return share_rose((n - hits, n), (n_before - hits_before, n_before), z)
