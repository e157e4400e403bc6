"""Is a service over its budget? A sequential test on exact counts of requests over a limit, valid at any moment.

"p95 is at most L" says that at most 5 % of requests are over L, so nothing has to be estimated: a request is over or it
is not. The test is a mixture e-process against that share. Whoever looks after every batch, at any traffic, raises a
false alarm with probability at most `1 / THRESHOLD` in a whole budget window (Ville's inequality), as long as the share
over the limit, given what was, stays within the allowed one. Hours in which it does not are breaches, if short ones.

A long good time must not hide a bad hour: every hour a further e-process begins. The first has most of the error to
spend, those of the window's other hours share the rest evenly. What is 10 % over is found in a fresh test after 250
requests, and after 700 however good it was before. Sources: Ramdas, Grünwald, Vovk, Shafer, "Game-theoretic statistics
and safe anytime-valid inference" (2023), section 2; the mixture over alternatives is Robbins' (1970).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["THRESHOLD", "WINDOW_HOURS", "BreachTest", "log_e"]

THRESHOLD: Final = 100.0
"""An e-value from which a breach is one: a false alarm in at most 1 % of the windows of a limit that is just met."""

WINDOW_HOURS: Final = 28 * 24
"""Hours of a budget window; the test begins anew with the next one."""

_ODDS: Final = (1.15, 1.4, 2.1, 3.5, 7.0)
_WEIGHTS: Final = (0.1, 0.15, 0.3, 0.15, 0.3)
"""Odds ratios of the alternatives, and how the mixture weighs them: 5.7 % to 27 % over, where 5 % are allowed."""

_FIRST: Final = 0.8
"""Part of the error that the first hour's e-process may spend."""
_LATER: Final = (1.0 - _FIRST) / (WINDOW_HOURS - 1)

_STARTS_MAX: Final = 48
"""E-processes that are followed; forgetting the older ones loses some power, and no guarantee."""


def log_e(n: int, over: int, allowed: float) -> float:
    """Return the natural logarithm of the mixture's e-value for `over` of `n` requests over a limit.

    `allowed` is the share that may be, between 0 and 1 (0.05 for a p95 limit). 0 for no requests.
    """
    if not 0.0 < allowed < 1.0:
        message = f"allowed is {allowed}, not a share between 0 and 1"
        raise ValueError(message)
    if not 0 <= over <= n:
        message = f"{over} of {n} requests cannot be over a limit"
        raise ValueError(message)
    return _log_sum([weight + over * gain + (n - over) * loss for weight, gain, loss in _alternatives(allowed)])


@dataclass(frozen=True, slots=True)
class BreachTest:
    """The state of the test of one limit: counts since its window began, and where each hour's e-process set in.

    A value: `observe` returns the next one. Small enough for a column (`dumped`, `loaded`).
    """

    allowed: float
    """Share of requests that may be over the limit."""
    window: int = 0
    """First hour of the budget window, whole hours since 1970; 0 before the first request."""
    n: int = 0
    over: int = 0
    starts: tuple[tuple[int, int, int], ...] = ()
    """For each hour with traffic, the latest ones: its number in the window (0 first), and `n` and `over` before it."""
    limit: str = ""
    """The limit's value as people write it: with another one the test begins anew."""

    def observe(self, hour: int, n: int, over: int) -> BreachTest:
        """Take in a batch: `over` of `n` requests of an hour (since 1970). A late batch counts with the last hour."""
        if not 0 <= over <= n:
            message = f"{over} of {n} requests cannot be over a limit"
            raise ValueError(message)
        if n == 0:
            return self
        if not self.starts or hour >= self.window + WINDOW_HOURS:
            return BreachTest(self.allowed, hour, n, over, ((0, 0, 0),), self.limit)
        starts = self.starts
        if hour - self.window > starts[-1][0]:
            starts = (*starts, (hour - self.window, self.n, self.over))[-_STARTS_MAX:]
        return BreachTest(self.allowed, self.window, self.n + n, self.over + over, starts, self.limit)

    @property
    def log_e(self) -> float:
        """The natural logarithm of the e-value now."""
        terms = [
            log_e(self.n - n, self.over - over, self.allowed) + math.log(_LATER if number else _FIRST)
            for number, n, over in self.starts
        ]
        return _log_sum(terms) if terms else 0.0

    @property
    def is_breach(self) -> bool:
        """True when the evidence is past the threshold."""
        return self.log_e >= math.log(THRESHOLD)

    def restarted(self) -> BreachTest:
        """Begin anew, as after an incident was closed."""
        return BreachTest(self.allowed, limit=self.limit)

    def dumped(self) -> str:
        """Give the state as JSON."""
        state = [self.allowed, self.window, self.n, self.over, self.starts, self.limit]
        return json.dumps(state, separators=(",", ":"))

    @classmethod
    def loaded(cls, state: str | None, allowed: float) -> BreachTest:
        """Read what `dumped` gave; a new test without it, or when the allowed share is another one now."""
        if state is None:
            return cls(allowed)
        of, window, n, over, starts, *limit = json.loads(state)
        return cls(of, window, n, over, tuple(map(tuple, starts)), *limit) if of == allowed else cls(allowed)


@functools.lru_cache(maxsize=64)
def _alternatives(allowed: float) -> tuple[tuple[float, float, float], ...]:
    """Give each alternative's logarithms: of its weight, of what a request over multiplies by, and one within."""
    found = []
    for odds, weight in zip(_ODDS, _WEIGHTS, strict=True):
        raised = odds * allowed / (1.0 - allowed + odds * allowed)
        found.append((math.log(weight), math.log(raised / allowed), math.log((1.0 - raised) / (1.0 - allowed))))
    return tuple(found)


def _log_sum(terms: Sequence[float]) -> float:
    most = max(terms)
    return most + math.log(sum(math.exp(term - most) for term in terms))
