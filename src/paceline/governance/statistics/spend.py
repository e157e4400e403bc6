"""Where will the month's spend end, and is money going faster than it used to? Sums in nano-USD, days in UTC.

The forecast repeats the weekdays of the past: what is spent on a Monday says little about a Sunday. It is told with an
interval, for a budget is breached when even its lower end is over the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from paceline.governance.statistics.tally import Floats

__all__ = ["Forecast", "SpendRate", "forecast", "spend_rate"]

_WEEK: Final = 7
_DAYS_MIN: Final = 7
_DRAWS: Final = 1_000
_HOURS_MIN: Final = 24
_SUDDEN: Final = 2.0
"""How many times the usual rate is sudden."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Spend at the month's end, nano-USD. `lower` and `upper` hold it in 90 % of months that go on as the past did."""

    spent: float
    expected: float
    lower: float
    upper: float

    def is_over(self, limit: float) -> bool:
        """Say whether the month is over its limit, or as good as sure to be."""
        return self.spent > limit or self.lower > limit

    def days_left(self, limit: float, days: int) -> float | None:
        """Return the days until the limit is reached at the expected rate; none when it is not in the `days` left."""
        if self.spent >= limit:
            return 0.0
        if days <= 0 or self.expected <= limit:
            return None
        return days * (limit - self.spent) / (self.expected - self.spent)


def forecast(daily: Floats, spent: float, days_left: int, seed: int = 0) -> Forecast | None:
    """Foretell the month's spend from whole days past (the newest last) and `spent` so far in the month.

    A coming day is a past day of its weekday, times the level of the last week; the level is the last week's sum beside
    the mean week's. The interval draws whole days of the last four weeks' weekdays anew. None with less than a week.
    Today's rest counts as one of `days_left`. Error: it knows no holidays and no launches.
    """
    if len(daily) < _DAYS_MIN:
        return None
    recent = daily[-4 * _WEEK :]
    places = (len(recent) + np.arange(days_left)) % _WEEK
    level = _level(recent)
    draw = np.random.default_rng(seed)
    drawn = np.zeros(_DRAWS)
    expected = 0.0
    for place in places:
        same = recent[place::_WEEK]
        expected += float(same.mean()) * level
        drawn += draw.choice(same, _DRAWS) * level
    steady = drawn * np.exp(draw.normal(0.0, _level_error(recent), _DRAWS)) if days_left else drawn
    lower, upper = np.quantile(steady, [0.05, 0.95])
    return Forecast(spent, spent + expected, spent + float(lower), spent + float(upper))


def _level(recent: Floats) -> float:
    """Give the last week's sum beside the mean week's; 1 with one week, or when nothing was spent."""
    weeks = len(recent) // _WEEK
    mean = float(recent[len(recent) - weeks * _WEEK :].sum()) / weeks
    return float(recent[-_WEEK:].sum()) / mean if mean > 0 else 1.0


def _level_error(recent: Floats) -> float:
    """Give the standard deviation of the log of a week's sum, widened for the few weeks; 0.1 with fewer than three.

    1.43 is the 95th percentile of Student's t with 3 degrees of freedom over a normal's.
    """
    weeks = len(recent) // _WEEK
    sums = recent[len(recent) - weeks * _WEEK :].reshape(weeks, _WEEK).sum(axis=1)
    if weeks < 3 or sums.min() <= 0:
        return 0.1
    return 1.43 * float(np.log(sums).std(ddof=1))


@dataclass(frozen=True, slots=True)
class SpendRate:
    """The last hour's spend beside what such hours usually cost, nano-USD."""

    now: float
    usual: float
    is_sudden: bool

    @property
    def times(self) -> float:
        """How many times the usual; infinite where nothing is usual."""
        return self.now / self.usual if self.usual > 0 else math.inf if self.now > 0 else 1.0


def spend_rate(now: float, hours: Floats, least: float) -> SpendRate | None:
    """Compare the last hour's spend with past hours like it (same hour of the week, or simply recent ones).

    Sudden is over twice the median, over every past hour's spend and at least `least` (nano-USD), below which it is not
    worth a page. Rank, not a normal law: hourly spend has a long tail. With n past hours an hour of the same law is the
    largest with probability 1 / (n + 1). None with fewer than 24 hours.
    """
    if len(hours) < _HOURS_MIN:
        return None
    usual = float(np.median(hours))
    is_sudden = now >= least and now > _SUDDEN * usual and now > float(hours.max())
    return SpendRate(now, usual, bool(is_sudden))
