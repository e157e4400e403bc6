"""Money: forecasts cover what comes, sudden is told from usual, and missing data is noticed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paceline.governance.statistics.coverage import is_silent, share_fell, share_rose
from paceline.governance.statistics.spend import Forecast, forecast, spend_rate
from paceline.governance.statistics.tally import Floats

WEEK = np.array([10.0, 10.0, 10.0, 10.0, 10.0, 2.0, 2.0])


def days(seed: int, many: int) -> Floats:
    draw = np.random.default_rng(seed)
    return np.tile(WEEK, many // 7 + 1)[:many] * np.exp(draw.normal(0.0, 0.2, many))


def test_weekends_are_expected_to_be_weekends() -> None:
    told = forecast(np.tile(WEEK, 4), 100.0, 7)
    assert told is not None
    assert told.expected == pytest.approx(154.0)
    assert told.lower == pytest.approx(told.upper)
    two = forecast(np.tile(WEEK, 4)[:-2], 0.0, 2)
    assert two is not None
    assert two.expected == pytest.approx(4.0, rel=0.2), "a Saturday and a Sunday come"


def test_the_interval_holds_what_comes_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(100):
        both = days(seed, 42)
        told = forecast(both[:28], 0.0, 14, seed)
        assert told is not None
        held += told.lower <= both[28:].sum() <= told.upper
    assert held >= 80


def test_growth_shows_and_a_short_past_says_nothing() -> None:
    growing = forecast(np.concatenate([np.tile(WEEK, 3), 2 * WEEK]), 0.0, 7)
    assert growing is not None
    assert growing.expected > 54 * 1.5
    assert forecast(WEEK[:6], 0.0, 7) is None
    ended = forecast(WEEK, 5.0, 0)
    assert ended == Forecast(5.0, 5.0, 5.0, 5.0)


def test_a_month_is_over_when_it_is_or_surely_will_be() -> None:
    told = Forecast(50.0, 100.0, 90.0, 110.0)
    assert told.is_over(80.0)
    assert not told.is_over(95.0)
    assert told.days_left(75.0, 10) == pytest.approx(5.0)
    assert told.days_left(40.0, 10) == 0.0
    assert told.days_left(100.0, 10) is None


def test_sudden_spend_is_over_every_past_hour_and_worth_telling() -> None:
    past = np.random.default_rng(0).lognormal(0.0, 0.3, 72)
    usual, sudden = spend_rate(1.2, past, 0.1), spend_rate(9.0, past, 0.1)
    assert usual is not None
    assert not usual.is_sudden
    assert sudden is not None
    assert sudden.is_sudden
    assert sudden.times == pytest.approx(9.0, rel=0.2)
    small = spend_rate(9.0, past, 100.0)
    assert small is not None
    assert not small.is_sudden
    assert spend_rate(1.0, past[:5], 0.1) is None
    new = spend_rate(1.0, np.zeros(24), 0.1)
    assert new is not None
    assert math.isinf(new.times)


def test_silence_is_less_than_chance_lets_it_be() -> None:
    assert is_silent(0, np.array([200.0, 220.0])) is True
    assert is_silent(0, np.array([3.0, 220.0])) is False, "a quiet week is known"
    assert is_silent(190, np.array([200.0, 220.0])) is False
    assert is_silent(0, np.array([200.0])) is None


def test_shares_move_beyond_chance_and_by_points_that_matter() -> None:
    assert share_rose((100, 1000), (20, 1000))
    assert not share_rose((1, 10), (0, 10))
    assert not share_rose((11_000, 1_000_000), (10_000, 1_000_000)), "sure, and too small to matter"
    assert share_fell((800, 1000), (990, 1000))
    assert not share_fell((990, 1000), (800, 1000))
    assert not share_rose((0, 0), (1, 1))
