"""Did the same work become slower or dearer? The looks at one service, and when they make an alarm.

A look compares a window (a day) with the same weekdays of the weeks before. An alarm needs the ratio's lower limit over
1.2 in two looks running, or over 1.5 in one; that the change has not gone away; and, among all services looked at, that
e-BH rejects. The lower limit holds the size, e-BH the number of false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from paceline.governance.statistics.ratio import Pair, Ratio, compared
from paceline.governance.statistics.several import e_bh, e_value
from paceline.governance.statistics.tally import Counts, Floats, Hourly, Tally, added, alike, excess, means, thresholds

__all__ = [
    "LIMIT",
    "STRONG",
    "WEEKS",
    "Look",
    "alarms",
    "baseline_hours",
    "look",
    "look_at",
    "look_at_mean",
    "paired",
    "together",
    "went_away",
]

LIMIT: Final = 1.2
STRONG: Final = 1.5
WEEKS: Final = 4
"""Weeks whose same weekdays make the baseline."""
MEAN_LIMIT: Final = 1.05
MEAN_STRONG: Final = 1.2
"""The same for means, of cost or tokens: 10 % more is 10 % more there, and not half as many again above a p95."""
_WEEK_H: Final = 168
_RECENT: Final = 4
"""The window's last quarter says whether a change went away."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one service."""

    ratio: Ratio
    is_gone: bool = False
    """True when the window's last quarter is back to normal."""
    limit: float = LIMIT
    strong: float = STRONG

    @property
    def evidence(self) -> float:
        """The e-value against no change."""
        return e_value(math.log(self.ratio.value), self.ratio.log_error)

    def is_alarm(self, previous: Look | None) -> bool:
        """Say whether it is one by its size, given the look before; e-BH over services is yet to come."""
        twice = previous is not None and previous.ratio.lower > self.limit and self.ratio.lower > self.limit
        return not self.is_gone and (twice or self.ratio.lower > self.strong)


def baseline_hours(hours: Counts, weeks: int = WEEKS) -> Counts:
    """Return the same hours of the weeks before, sorted."""
    return np.sort((hours[None, :] - _WEEK_H * np.arange(1, weeks + 1)[:, None]).ravel())


def look(own: Tally, peers: Sequence[Tally], hours: Counts, strata: int, seed: int = 0) -> Look:
    """Compare a service's hours with its baseline, divided by its peers' comparison where it has peers.

    The tallies hold the baseline's hours too. Peers are services on the same provider; each has its own thresholds, and
    their counts are added.
    """
    return look_at(paired(own, hours, strata), together([paired(peer, hours, strata) for peer in peers]), seed)


def look_at(own: Pair, peers: Pair | None, seed: int = 0) -> Look:
    """Compare what is counted already, so that a service's counts serve as a peer's too."""
    return Look(compared(own, peers, seed), went_away(own.now, peers.now if peers else None))


def together(pairs: Sequence[Pair]) -> Pair | None:
    """Add up the counts of services over the same hours; none for none."""
    return Pair(added([pair.now for pair in pairs]), added([pair.before for pair in pairs])) if pairs else None


def look_at_mean(own: Tally, value: Floats, hours: Counts, seed: int = 0) -> Look:
    """Compare the mean of a value per request with its baseline's by stratum: cost in nano-USD, or tokens.

    `value` is the sum over each row's requests. What a stratum is decides the question: by use case and model, cost per
    request; by use case alone, prompt bloat and a dearer model too. Without peers, for prices are not shared drift.
    """
    before = baseline_hours(hours)
    earlier, now = np.isin(own.hour, before), np.isin(own.hour, hours)
    base, late = own.during(before), own.during(hours)
    seen = means(late, value[now], base, value[earlier], hours)
    pair = Pair(seen, means(base, value[earlier], base, value[earlier], before))
    return Look(compared(pair, None, seed), went_away(seen, None), MEAN_LIMIT, MEAN_STRONG)


def alarms(looks: Sequence[tuple[Look | None, Look]]) -> tuple[bool, ...]:
    """Say for services, each with its look before (or none) and now, which are alarms: by size and by e-BH."""
    rejected = e_bh([now.evidence for _, now in looks])
    return tuple(now.is_alarm(before) and is_one for (before, now), is_one in zip(looks, rejected, strict=True))


def went_away(now: Hourly, peers: Hourly | None) -> bool:
    """Say whether the last quarter of the hours is back to what is expected, or below it."""
    last = slice(len(now.seen) - len(now.seen) // _RECENT, None)
    own = Hourly(now.seen[last], now.expected[last]).ratio
    other = Hourly(peers.seen[last], peers.expected[last]).ratio if peers else 1.0
    return bool(own <= max(other, 1e-9) if math.isfinite(other) and other > 0 else own <= 1.0)


def paired(tally: Tally, hours: Counts, strata: int) -> Pair:
    """Count a service's slow requests by hour, now and in the baseline, by thresholds of its own."""
    before = baseline_hours(hours)
    earlier = tally.during(before)
    now = tally.during(hours)
    limits = thresholds(earlier, strata).only(alike(earlier, now, strata))
    return Pair(excess(now, limits, hours), excess(earlier, limits, before))
