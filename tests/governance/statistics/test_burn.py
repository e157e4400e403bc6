"""Severities that every percentile can reach, and the arithmetic of what is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.governance.alerts import Severity
from paceline.governance.statistics.burn import (
    WINDOWS,
    Count,
    budget_left,
    burn_rate,
    days_to_exhaustion,
    severity,
)


def steady(share: float, a_minute: int = 60) -> Callable[[int], Count]:
    """So many requests a minute, always the same share over."""

    def counts(seconds: int) -> Count:
        n = a_minute * seconds // 60
        return Count(n, round(n * share))

    return counts


def test_a_p95_has_the_factors_of_the_design() -> None:
    assert [round(window.factor(0.05), 9) for window in WINDOWS] == [6.0, 3.0, 1.5]


@given(st.floats(0.0001, 0.9999))
def test_no_factor_is_impossible_and_severities_keep_their_order(allowed: float) -> None:
    shares = [window.share(allowed) for window in WINDOWS]
    assert all(allowed < share < 1 for share in shares)
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.05, None), (0.07, None), (0.08, Severity.TICKET), (0.16, Severity.URGENT), (0.31, Severity.PAGE)],
)
def test_the_share_decides_the_severity(share: float, expected: Severity | None) -> None:
    assert severity(steady(share), 0.05) is expected


def test_what_is_over_pages_nobody() -> None:
    def ended(seconds: int) -> Count:
        return Count(100, 0) if seconds <= 300 else Count(1_000, 400)

    assert severity(ended, 0.05) is not Severity.PAGE


def test_a_handful_of_requests_has_no_severity() -> None:
    assert severity(lambda _: Count(4, 4), 0.05) is None
    assert severity(lambda _: Count(5, 5), 0.05) is Severity.PAGE


def test_what_is_left_of_a_budget() -> None:
    assert burn_rate(Count(1_000, 100), 0.05) == pytest.approx(2.0)
    assert budget_left(Count(1_000, 20), 0.05) == pytest.approx(0.6)
    assert budget_left(Count(1_000, 100), 0.05) == pytest.approx(-1.0)
    assert budget_left(Count(0, 0), 0.05) is None
    assert Count(0, 0).share == 0.0


@pytest.mark.parametrize(
    ("window", "last_day", "expected"),
    [
        (Count(10_000, 300), Count(1_000, 100), 4.0),
        (Count(10_000, 300), Count(1_000, 50), None),
        (Count(10_000, 300), Count(0, 0), None),
        (Count(10_000, 500), Count(1_000, 0), 0.0),
        (Count(0, 0), Count(0, 0), None),
    ],
)
def test_days_until_nothing_is_left(window: Count, last_day: Count, expected: float | None) -> None:
    assert days_to_exhaustion(window, last_day, 0.05) == (None if expected is None else pytest.approx(expected))
