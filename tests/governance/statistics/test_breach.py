"""The sequential test keeps its error and finds what it must; figures of whole distributions are in `make truth`."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paceline.governance.statistics.breach import THRESHOLD, WINDOW_DAYS, BreachTest, _spends, log_e

TODAY = 20_000


def found_after(share: float, most: int, seed: int, *, batch: int = 1, allowed: float = 0.05) -> int | None:
    """Requests until the alarm, a batch at a time; none when there is none."""
    draw = random.Random(seed)  # noqa: S311
    test = BreachTest(allowed)
    for at in range(batch, most + 1, batch):
        over = sum(draw.random() < share for _ in range(batch))
        test = test.observe(TODAY, batch, over)
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


def test_a_long_good_time_does_not_hide_a_bad_day() -> None:
    test = BreachTest(0.05)
    for day in range(20):
        test = test.observe(TODAY + day, 10_000, 100)
    assert test.log_e < 0
    bad, asked = test, 0
    while not bad.is_breach:
        bad, asked = bad.observe(TODAY + 20, 10, 1), asked + 10
    assert asked <= 800, "a fresh test takes about 250"
    assert log_e(bad.n, bad.over, 0.05) < -100, "over the whole time it is far below its budget"


def test_a_window_ends_and_a_closed_incident_begins_anew() -> None:
    test = BreachTest(0.05).observe(TODAY, 100, 100)
    assert test.is_breach
    assert not test.restarted().is_breach
    later = test.observe(TODAY + WINDOW_DAYS, 100, 0)
    assert (later.n, later.over, later.window) == (100, 0, TODAY + WINDOW_DAYS)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 50), st.integers(0, 50)), max_size=30))
def test_the_state_survives_a_round_trip_and_batches_add_up(batches: list[tuple[int, int, int]]) -> None:
    test, n, over = BreachTest(0.05), 0, 0
    for day, some, more in batches:
        test = test.observe(TODAY + min(day, WINDOW_DAYS - 1), some + more, some)
        n, over = n + some + more, over + some
        assert BreachTest.load(json.loads(json.dumps(test.dump()))) == test
    if test.starts and test.window == TODAY:
        assert (test.n, test.over) == (n, over)
    numbers = [number for number, _, _ in test.starts]
    assert numbers == sorted(set(numbers))


def test_the_weights_of_a_window_s_days_spend_no_more_than_the_whole_error() -> None:
    assert sum(_spends(number) for number in range(1, WINDOW_DAYS + 1)) < 1


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


def test_no_requests_are_no_evidence() -> None:
    assert BreachTest(0.05).log_e == 0.0
    assert BreachTest(0.05).observe(TODAY, 0, 0) == BreachTest(0.05)
    assert math.isclose(log_e(0, 0, 0.05), 0.0, abs_tol=1e-12)
    assert THRESHOLD == 100
