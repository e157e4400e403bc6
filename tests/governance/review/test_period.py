"""Weeks and months: which one a day belongs to, and what it is called."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from paceline.governance.review import Period, span_ending


@pytest.mark.parametrize(
    ("last", "first", "words"),
    [
        (date(2026, 11, 22), date(2026, 11, 16), "16 to 22 November 2026"),
        (date(2026, 11, 21), date(2026, 11, 9), "9 to 15 November 2026"),
        (date(2026, 11, 28), date(2026, 11, 16), "16 to 22 November 2026"),
        (date(2026, 11, 1), date(2026, 10, 26), "26 October to 1 November 2026"),
        (date(2027, 1, 3), date(2026, 12, 28), "28 December 2026 to 3 January 2027"),
    ],
)
def test_a_week_is_the_newest_that_is_over_by_then(last: date, first: date, words: str) -> None:
    span = span_ending(Period.WEEK, last)
    assert (span.first, span.after, span.words) == (first, first + timedelta(days=7), words)
    assert span.first.weekday() == 0
    assert span.id == f"week-{first}"
    assert span.until - span.since == 7 * 86_400


@pytest.mark.parametrize(
    ("last", "first", "days"),
    [
        (date(2026, 11, 30), date(2026, 11, 1), 30),
        (date(2026, 11, 29), date(2026, 10, 1), 31),
        (date(2028, 2, 29), date(2028, 2, 1), 29),
        (date(2026, 12, 31), date(2026, 12, 1), 31),
        (date(2027, 1, 1), date(2026, 12, 1), 31),
    ],
)
def test_a_month_likewise(last: date, first: date, days: int) -> None:
    span = span_ending(Period.MONTH, last)
    assert (span.first, (span.after - span.first).days, span.id) == (first, days, f"month-{first}")
    assert span.words == f"{first:%B %Y}"


def test_periods_follow_each_other_without_a_gap() -> None:
    for period in Period:
        span = span_ending(period, date(2026, 11, 30))
        for _ in range(30):
            assert span.before.after == span.first
            span = span.before
