"""Figures as people read them, and shares that chance does not explain."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paceline.governance.incidents.signal import Measured
from paceline.governance.signals.shares import CHANCE, Share, over, rose
from paceline.governance.signals.words import count, days, dollars, on, percent


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (0, "$0"),
        (0.0042, "$0.0042"),
        (0.5, "$0.50"),
        (18.3, "$18.30"),
        (90, "$90"),
        (412.4, "$412"),
        (12_345, "$12,345"),
    ],
)
def test_money(usd: float, words: str) -> None:
    assert dollars(usd) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"),
        (0.0003, "0.03 %"),
        (0.005, "0.5 %"),
        (0.01, "1 %"),
        (0.0512, "5.1 %"),
        (0.0996, "10 %"),
        (0.27, "27 %"),
        (0.994, "99 %"),
        (0.9999, "99.9 %"),
        (1, "100 %"),
        (1.2, "120 %"),
    ],
)
def test_shares_keep_what_matters(share: float, words: str) -> None:
    assert percent(share) == words


def test_counts_days_and_dates() -> None:
    assert (count(1, "request"), count(1204, "request"), count(2, "is", "are")) == (
        "1 request",
        "1,204 requests",
        "2 are",
    )
    assert (days(0.3), days(1.2), days(11.6)) == ("less than a day", "1 day", "12 days")
    assert on(date(2026, 11, 3)) == "3 November"


@given(n=st.integers(1, 400), hits=st.integers(0, 400), line=st.sampled_from([0.001, 0.01, 0.05, 0.5]))
def test_what_exceeds_a_line_is_rarer_than_it_may_be(n: int, hits: int, line: float) -> None:
    hits = min(hits, n)
    exact = sum(math.comb(n, k) * line**k * (1 - line) ** (n - k) for k in range(hits, n + 1))
    if Share(hits, n).exceeds(line):
        assert exact <= CHANCE * 1.000001
    elif hits > n * line:
        assert exact >= CHANCE / 100, "and it is not blind"


def test_edges_of_a_share() -> None:
    assert not Share(0, 0).exceeds(0.01)
    assert not Share(5, 4).exceeds(0.01), "no share of anything"
    assert Share(1, 1000).exceeds(0.0)
    assert not Share(0, 1000).exceeds(0.0)
    assert Share(30, 30).exceeds(0.5)
    assert Share(0, 0).share == 0.0


@pytest.mark.parametrize(
    ("share", "state"),
    [
        (Share(9, 10), Measured.ON),
        (Share(1, 10), Measured.UNKNOWN),
        (Share(10, 200), Measured.OFF),
        (Share(0, 0), Measured.UNKNOWN),
    ],
)
def test_a_line(share: Share, state: Measured) -> None:
    assert over(share, 0.05) is state


@pytest.mark.parametrize(
    ("now", "before", "state"),
    [
        (Share(200, 1000), Share(20, 1000), Measured.ON),
        (Share(20, 1000), Share(20, 1000), Measured.OFF),
        (Share(20, 1000), Share(200, 1000), Measured.OFF),
        (Share(200, 1000), Share(2, 100), Measured.UNKNOWN),
        (Share(20, 50), Share(20, 1000), Measured.UNKNOWN),
        (Share(450, 1000), Share(450, 1000), Measured.ON),
        (Share(900, 1000), Share(0, 0), Measured.ON),
    ],
)
def test_a_rise_or_a_line_that_holds_whatever_was_before(now: Share, before: Share, state: Measured) -> None:
    assert rose(now, before, line=0.3) is state
