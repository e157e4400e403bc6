"""Thresholds by stratum count exactly, and other work by itself raises nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.governance.statistics.tally import Hourly, Tally, added, alike, excess, means, thresholds


def tally(rows: list[tuple[int, int, int, int]]) -> Tally:
    return Tally(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


def spread(hour: int, stratum: int, first: int, n: int = 100) -> list[tuple[int, int, int, int]]:
    """One request in each of `n` buckets."""
    return [(hour, stratum, first + at, 1) for at in range(n)]


def test_each_stratum_has_its_own_threshold_and_the_exact_share_above_it() -> None:
    limits = thresholds(tally([*spread(0, 0, 0), *spread(0, 1, 200)]), 3)
    assert limits.bucket.tolist()[:2] == [94, 294]
    assert limits.share[:2] == pytest.approx([6 / 101, 6 / 101])
    assert np.isnan(limits.share[2]), "nothing is known about work that was not there"


def test_a_coarse_bound_is_counted_with_its_own_share() -> None:
    limits = thresholds(tally([(0, 0, 10, 90), (0, 0, 20, 10)]), 1)
    above = {10: 11 / 101, 20: 1 / 101}
    assert limits.share[0] == pytest.approx(above[int(limits.bucket[0])])


def test_longer_prompts_alone_are_not_slower() -> None:
    before = tally([*spread(0, 0, 0), *spread(0, 1, 200)])
    now = tally([*spread(9, 0, 0), *[(hour, s, b, 9 * n) for hour, s, b, n in spread(9, 1, 200)]])
    assert excess(now, thresholds(before, 2), np.array([9])).ratio == pytest.approx(1.0, rel=0.2)


def test_failures_in_the_last_bucket_are_slow() -> None:
    limits = thresholds(tally(spread(0, 0, 0)), 1)
    hourly = excess(tally([(5, 0, 640, 7), (5, 0, 0, 93)]), limits, np.array([5, 6]))
    assert hourly.seen.tolist() == [7.0, 0.0]
    assert hourly.expected == pytest.approx([100 * 6 / 101, 0.0])


def test_hours_that_were_not_asked_for_and_unknown_strata_are_left_out() -> None:
    limits = thresholds(tally(spread(0, 0, 0)), 2)
    hourly = excess(tally([(4, 0, 99, 3), (5, 1, 99, 3), (6, 0, 99, 2)]), limits, np.array([5, 6]))
    assert hourly.seen.tolist() == [0.0, 2.0]
    assert hourly.expected[0] == 0.0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 9), st.integers(1, 40)), min_size=1))
def test_split_rows_count_as_whole_ones(rows: list[tuple[int, int, int, int]]) -> None:
    hours = np.arange(6)
    whole = tally(rows)
    single = tally([(hour, stratum, bucket, 1) for hour, stratum, bucket, n in rows for _ in range(n)])
    one, other = excess(whole, thresholds(whole, 3), hours), excess(single, thresholds(single, 3), hours)
    assert np.allclose(one.seen, other.seen)
    assert np.allclose(one.expected, other.expected)


def test_a_mean_is_expected_by_stratum() -> None:
    before = tally([(0, 0, 0, 100), (0, 1, 0, 100)])
    now = tally([(5, 0, 0, 10), (5, 1, 0, 90), (6, 2, 0, 5)])
    hourly = means(now, np.array([10.0, 9000.0, 7.0]), before, np.array([100.0, 10_000.0]), np.array([5, 6]))
    assert hourly.ratio == pytest.approx(1.0), "a dearer model's larger share is other work, not dearer work"
    assert hourly.expected.tolist() == [9010.0, 0.0]


def test_services_add_up_and_nothing_expected_is_no_ratio() -> None:
    one = Hourly(np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    assert added([one, one]).seen.tolist() == [2.0, 4.0]
    assert np.isnan(Hourly(np.zeros(1), np.zeros(1)).ratio)


def test_a_stratum_whose_prompts_became_longer_is_not_the_same_work() -> None:
    ones = np.ones(20, dtype=np.int64)
    stratum = np.repeat([0, 1], 10)
    before = Tally(0 * ones, stratum, ones, ones, 5_000 * ones)
    now = Tally(9 * ones, stratum, ones, ones, np.where(stratum == 1, 9_000, 5_200))
    assert alike(before, now, 3).tolist() == [True, False, False]
    kept = thresholds(tally([*spread(0, 0, 0), *spread(0, 1, 200)]), 3).only(alike(before, now, 3))
    assert np.isnan(kept.share).tolist() == [False, True, True]
    unknown = Tally(0 * ones, stratum, ones, ones)
    assert alike(unknown, now, 3).all(), "without lengths nothing is left out"
