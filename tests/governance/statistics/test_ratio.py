"""Ratios have honest intervals, peers cancel what all share, and many services do not make many false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paceline.governance.statistics.ratio import Pair, Ratio, compared
from paceline.governance.statistics.regression import Look, alarms, baseline_hours, look_at_mean, went_away
from paceline.governance.statistics.several import e_bh, e_value
from paceline.governance.statistics.tally import Hourly, Tally


def hourly(seed: int, hours: int = 24, *, rate: float = 5.0, factor: float = 1.0) -> Hourly:
    seen = np.random.default_rng(seed).poisson(rate * factor, hours).astype(np.float64)
    return Hourly(seen, np.full(hours, rate))


def test_the_error_is_that_of_the_counts() -> None:
    ratio = compared(Pair(hourly(1), hourly(2, 96)), None, seed=0)
    assert ratio.value == pytest.approx(1.0, abs=0.3)
    assert ratio.log_error == pytest.approx(math.sqrt(1 / 120 + 1 / 480), rel=0.35)
    assert ratio.lower < ratio.value < ratio.upper


def test_the_interval_covers_no_change_as_often_as_it_says() -> None:
    ratios = [compared(Pair(hourly(3 * k), hourly(3 * k + 1, 96)), None, seed=k, draws=100) for k in range(200)]
    missed = sum(not ratio.lower <= 1.0 <= ratio.upper for ratio in ratios)
    assert 6 <= missed <= 36, "10 % nominal, and 24 blocks are few; these seeds are fixed"


def test_what_the_peers_share_cancels() -> None:
    own = Pair(hourly(1, factor=2.0), hourly(2, 96))
    peers = Pair(hourly(3, rate=50.0, factor=2.0), hourly(4, 96, rate=50.0))
    alone, beside = compared(own, None, seed=0), compared(own, peers, seed=0)
    assert alone.lower > 1.2
    assert beside.value == pytest.approx(1.0, abs=0.3)
    assert beside.peers == pytest.approx(2.0, abs=0.2)


def test_the_same_seed_gives_the_same_figure_and_too_little_says_nothing() -> None:
    pair = Pair(hourly(1), hourly(2))
    assert compared(pair, None, seed=5) == compared(pair, None, seed=5)
    nothing = compared(Pair(hourly(1, rate=0.1), hourly(2)), None, seed=5)
    assert (nothing.lower, nothing.upper) == (0.0, math.inf)
    few = Pair(hourly(1, rate=0.1), hourly(2, rate=0.1))
    assert compared(pair, few, seed=5).peers == 1.0, "peers without traffic are no peers"


def test_an_e_value_has_a_mean_of_one_without_a_change() -> None:
    z = np.linspace(-10, 14, 60_001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    values = np.array([e_value(float(one), 1.0) for one in z])
    assert float((values * density).sum() * (z[1] - z[0])) == pytest.approx(1.0, rel=1e-3)
    assert e_value(1.0, math.inf) == e_value(1.0, 0.0) == 1.0
    assert math.isfinite(e_value(1e6, 1e-6))


def test_e_bh_takes_the_largest_set_that_holds() -> None:
    assert e_bh([25.0]) == (True,)
    assert e_bh([15.0]) == (False,)
    assert e_bh([1000.0, 30.0, 1.0]) == (True, True, False)
    assert e_bh([25.0, *[1.0] * 99]) == (False,) * 100, "once in a hundred is not much"
    assert e_bh([]) == ()


def a_look(value: float, error: float, *, is_gone: bool = False) -> Look:
    return Look(Ratio(value, error), is_gone)


def test_twice_running_or_once_strongly() -> None:
    moderate, strong, weak = a_look(1.6, 0.1), a_look(2.2, 0.1), a_look(1.3, 0.1)
    assert moderate.is_alarm(moderate)
    assert not moderate.is_alarm(weak)
    assert not moderate.is_alarm(None)
    assert strong.is_alarm(None)
    assert not a_look(2.2, 0.1, is_gone=True).is_alarm(strong)


def test_alarms_need_evidence_among_all_services() -> None:
    strong = a_look(2.2, 0.1)
    assert alarms([(None, strong), (None, a_look(1.0, 0.1))]) == (True, False)
    faint = a_look(1.9, 0.14)
    assert alarms([(None, faint)]) == (True,)
    assert alarms([(None, faint), *[(None, a_look(1.0, 0.1))] * 2_000_000])[0] is False


def test_a_change_that_went_away_is_seen_in_the_last_quarter() -> None:
    seen = np.array([10.0] * 18 + [5.0] * 6)
    assert went_away(Hourly(seen, np.full(24, 5.0)), None)
    assert not went_away(Hourly(np.full(24, 8.0), np.full(24, 5.0)), None)
    peers = Hourly(np.full(24, 9.0), np.full(24, 5.0))
    assert went_away(Hourly(np.full(24, 8.0), np.full(24, 5.0)), peers), "the peers are no better"


def test_the_baseline_is_the_same_hour_of_the_week() -> None:
    hours = baseline_hours(np.array([1000, 1001]), 2)
    assert hours.tolist() == [1000 - 336, 1001 - 336, 1000 - 168, 1001 - 168]


@pytest.mark.parametrize(("factor", "is_one"), [(1.0, False), (1.15, True), (1.4, True)])
def test_dearer_requests_of_the_same_kind_are_found(factor: float, is_one: bool) -> None:
    draw = np.random.default_rng(4)
    hour = np.repeat(np.arange(29 * 24), 20)
    zeros = np.zeros(len(hour), dtype=np.int64)
    cost = draw.lognormal(0.0, 0.5, len(hour)) * np.where(hour >= 28 * 24, factor, 1.0)
    own = Tally(hour, zeros, zeros, zeros + 1)
    now = look_at_mean(own, cost, np.arange(28 * 24, 29 * 24))
    assert now.ratio.value == pytest.approx(factor, rel=0.08)
    assert alarms([(now, now)]) == (is_one,)
