"""The figures that the statistics must reach, and the measuring of them: breach and regression. Seeds are fixed.

Each scenario gives rows of a table; a row knows its target, if it has one, and whether it is met.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from paceline.governance.statistics.breach import BreachTest
from paceline.governance.truth.detectors import Found, trial
from paceline.governance.truth.traffic import EFFECTS, Effect, Scene

__all__ = ["Row", "Size", "breach_rows", "regression_rows", "steps"]

_FIRST_SEED: Final = 20_000
"""Parameters were settled on seeds below: what is printed comes from draws that nobody had looked at."""
_FALSE_MOST: Final = 1.0
_TARGETS: Final = {"none": _FALSE_MOST, "mix shift": _FALSE_MOST, "+10 %": 80.0, "+20 %": 100.0}
_STATES: Final = (("calm", 0.03, 0), ("calm, peers", 0.03, 3), ("noisy", 0.10, 0), ("noisy, peers", 0.10, 3))
_DAY: Final = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many runs each figure rests on."""

    regressions: int = 200
    null_breaches: int = 300
    null_requests: int = 200_000
    breaches: int = 400
    processes: int = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, what it must be, and the others beside it."""

    part: str
    name: str
    figure: float
    unit: str
    target: str = ""
    is_met: bool = True
    beside: tuple[str, ...] = ()


def steps(size: Size) -> int:
    """Return the runs there are in all."""
    return size.null_breaches + 2 * size.breaches + len(_STATES) * len(EFFECTS) * size.regressions


def breach_rows(size: Size, done: Callable[[int], None]) -> Iterator[Row]:
    """Measure the sequential test of a p95 limit: false alarms at budget, and requests until a breach is found."""
    false = 0
    for seed in range(size.null_breaches):
        false += found_after(0.05, size.null_requests, _FIRST_SEED + seed, batch=100) < math.inf
        done(1)
    share = 100 * false / size.null_breaches
    yield Row("breach", f"at budget, {size.null_requests:,} requests", share, "% alarms", "≤ 1 %", share <= _FALSE_MOST)
    for over, most in ((0.10, 300), (0.25, 25)):
        after = []
        for seed in range(size.breaches):
            after.append(found_after(over, 20_000, _FIRST_SEED + seed))
            done(1)
        median = statistics.median(after)
        yield Row("breach", f"{over:.0%} over the limit", median, "requests (median)", f"≤ {most}", median <= most)


def found_after(share: float, most: int, seed: int, batch: int = 1) -> float:
    """Return the requests until the alarm of a p95 limit, looked at after every batch; infinite when there is none."""
    over = np.random.default_rng(seed).random(most) < share
    counts = over.reshape(-1, batch).sum(axis=1)
    test = BreachTest(0.05)
    for index, count in enumerate(counts, 1):
        test = test.observe(_DAY, batch, int(count))
        if test.is_breach:
            return float(index * batch)
    return math.inf


def regression_rows(size: Size, done: Callable[[int], None], whole: Path | None = None) -> Iterator[Row]:
    """Measure the three detectors on every effect, calm and noisy, with and without peers."""
    with ProcessPoolExecutor(size.processes) as pool:
        for state, deviation, peers in _STATES:
            scene = Scene(state=deviation, peers=peers, whole=whole)
            for effect in EFFECTS:
                found = []
                jobs = [pool.submit(trial, scene, effect, _FIRST_SEED + seed) for seed in range(size.regressions)]
                for job in jobs:
                    found.append(job.result())
                    done(1)
                yield _regression_row(state, effect, found, is_aimed=state != "noisy")


def _regression_row(state: str, effect: Effect, found: list[Found], *, is_aimed: bool) -> Row:
    share = _percent([one.ours for one in found])
    off = [abs(one.onset_off_h) for one in found if one.onset_off_h is not None]
    beside = (
        f"{_percent([one.raw for one in found]):.0f}",
        f"{_percent([one.divisive for one in found]):.0f}",
        f"{statistics.median(off):.0f} h" if off and effect.is_slower else "",
    )
    goal = _TARGETS.get(effect.name) if is_aimed else None
    if goal is None:
        return Row(f"regression, {state}", effect.name, share, "% alarms", beside=beside)
    is_met = share >= goal if effect.is_slower else share <= goal
    target = f"{'≥' if effect.is_slower else '≤'} {goal:.0f} %"
    return Row(f"regression, {state}", effect.name, share, "% alarms", target, is_met, beside)


def _percent(flags: list[bool]) -> float:
    return 100 * sum(flags) / len(flags)
