"""The sequential test keeps its error and finds what it must; figures of whole distributions are in `make truth`."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paceline.governance.statistics.breach import THRESHOLD, WINDOW_HOURS, BreachTest, log_e

NOW = 480_000


def found_after(share: float, most: int, seed: int, *, batch: int = 1, allowed: float = 0.05) -> int | None:
    """Requests until the alarm, a batch at a time; none when there is none."""
    draw = random.Random(seed)
    test = BreachTest(allowed)
    for at in range(batch, most + 1, batch):
        over = sum(draw.random() < share for _ in range(batch))
        test = test.observe(NOW, batch, over)
        if test.is_breach:
            return at
    return None


def median(values: list[int | None]) -> float:
    return sorted(math.inf if value is None else value for value in values)[len(values) // 2]


def test_ten_per_cent_over_is_found_within_300_requests_and_a_quarter_within_25() -> None:
    assert median([found_after(0.10, 2_000, seed) for seed in range(61)]) <= 300
    assert median([found_after(0.25, 500, seed) for seed in range(61)]) <= 25


def test_at_budget_exactly_there_is_no_alarm_in_200_000_requests() -> None:
    alarms = [found_after(0.05, 200_000, seed, batch=500) for seed in range(40)]
    assert sum(alarm is not None for alarm in alarms) == 0, "at most 1 %; these seeds have none"


@pytest.mark.parametrize("allowed", [0.01, 0.05, 0.1, 0.5])
def test_every_percentile_can_be_breached_and_none_is_at_budget(allowed: float) -> None:
    assert found_after(min(1.0, allowed * 2), 20_000, 3, allowed=allowed) is not None
    assert found_after(allowed, 5_000, 3, allowed=allowed) is None


def test_a_long_good_time_does_not_hide_a_bad_hour() -> None:
    test = BreachTest(0.05)
    for hour in range(500):
        test = test.observe(NOW + hour, 400, 4)
    assert test.log_e < 0
    asked, bad = 0, test
    while not bad.is_breach:
        bad, asked = bad.observe(NOW + 500, 10, 1), asked + 10
    assert asked <= 800, "a fresh test takes about 250"
    assert log_e(bad.n, bad.over, 0.05) < -100, "over the whole time it is far below its budget"
    assert len(bad.starts) <= 48


def test_a_window_ends_and_a_closed_incident_begins_anew() -> None:
    test = BreachTest(0.05).observe(NOW, 100, 100)
    assert test.is_breach
    assert not test.restarted().is_breach
    later = test.observe(NOW + WINDOW_HOURS, 100, 0)
    assert (later.n, later.over, later.window) == (100, 0, NOW + WINDOW_HOURS)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 50), st.integers(0, 50)), max_size=30))
def test_the_state_survives_a_round_trip_and_batches_add_up(batches: list[tuple[int, int, int]]) -> None:
    test, n, over = BreachTest(0.05), 0, 0
    for hour, some, more in batches:
        test = test.observe(NOW + min(hour, WINDOW_HOURS - 1), some + more, some)
        n, over = n + some + more, over + some
        assert BreachTest.loaded(test.dumped(), 0.05) == test
    if test.starts and test.window == NOW:
        assert (test.n, test.over) == (n, over)
    numbers = [number for number, _, _ in test.starts]
    assert numbers == sorted(set(numbers))


def test_at_budget_hour_by_hour_there_is_no_alarm_either() -> None:
    for seed in range(20):
        draw, test = random.Random(seed), BreachTest(0.05)
        for hour in range(WINDOW_HOURS):
            test = test.observe(NOW + hour, 150, sum(draw.random() < 0.05 for _ in range(150)))
            assert not test.is_breach


@given(st.integers(1, 1000), st.floats(0.001, 0.999))
def test_the_expected_e_value_under_the_null_is_one(n: int, allowed: float) -> None:
    logs = [log_e(n, over, allowed) + _log_binomial(n, over, allowed) for over in range(n + 1)]
    assert sum(math.exp(value) for value in logs) == pytest.approx(1.0, rel=1e-6)


def _log_binomial(n: int, k: int, p: float) -> float:
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return choose + k * math.log(p) + (n - k) * math.log1p(-p)


@pytest.mark.parametrize(("n", "over", "allowed"), [(1, 2, 0.05), (1, -1, 0.05), (1, 1, 0.0), (1, 1, 1.0)])
def test_counts_that_cannot_be_are_refused(n: int, over: int, allowed: float) -> None:
    with pytest.raises(ValueError, match=r"cannot be over|not a share"):
        log_e(n, over, allowed)


def test_a_limit_with_another_percentile_begins_anew() -> None:
    state = BreachTest(0.05).observe(NOW, 100, 100).dumped()
    assert BreachTest.loaded(state, 0.01) == BreachTest(0.01)
    assert BreachTest.loaded(None, 0.05) == BreachTest(0.05)


def test_no_requests_are_no_evidence() -> None:
    assert BreachTest(0.05).log_e == 0.0
    assert BreachTest(0.05).observe(NOW, 0, 0) == BreachTest(0.05)
    assert math.isclose(log_e(0, 0, 0.05), 0.0, abs_tol=1e-12)
    assert THRESHOLD == 100
