"""Error shares: the limit is 1 %."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ledger_rows import HOUR, NOON, Rows

from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.errors import look
from paceline.governance.signals.shares import Share

Find = Callable[..., Signal]


@pytest.mark.parametrize(
    ("n", "over", "severity"), [(1000, 300, "page"), (1000, 45, "urgent"), (3000, 75, "ticket"), (20, 8, "page")]
)
def test_over_beyond_chance_is_on_as_bad_as_it_is(rows: Rows, find: Find, n: int, over: int, severity: str) -> None:
    rows.put(120, n=n, errors=(n, over))
    found = find(look, "errors")
    assert (found.state, found.severity, found.measure) == (Measured.ON, severity, "error_share")


def test_it_says_how_many_of_how_many(rows: Rows, find: Find) -> None:
    rows.put(120, n=1000, errors=(1000, 300))
    found = find(look, "errors")
    assert found.what == "30 % of its requests is failing in the last hour (300 of 1,000), 1 % allowed"
    assert found.next_step.startswith("see which provider fails")


def test_it_says_since_when_and_where(rows: Rows, find: Find) -> None:
    for ten in range(300):  # two days
        late = ten < 5
        rows.put(ten * 600 + 120, n=100, errors=(100, 20 if late else 0))
        rows.put(ten * 600 + 120, n=100, errors=(100, 2 if late else 0), deployment="house/vllm-a")
    found = find(look, "errors")
    assert found.provider == "sim"
    assert found.changed == ("of 110 failed requests since then 100 at sim/small-8b, 10 at house/vllm-a",)
    assert found.since_s == NOON - 2_520, "the minute in which it began"


def test_calls_that_reached_no_deployment_blame_no_provider(rows: Rows, find: Find) -> None:
    rows.put(120, n=100, errors=(100, 50), deployment="")
    found = find(look, "errors")
    assert (found.provider, found.changed) == ("", ("no deployment was reached",))


def test_little_traffic_is_judged_over_a_longer_time(rows: Rows, find: Find) -> None:
    for hour in range(6):
        rows.put(hour * HOUR + 600, n=20, errors=(20, 3))
    found = find(look, "errors")
    assert (found.state, found.severity) == (Measured.ON, "urgent")
    assert "in the last 6 hours (18 of 120)" in found.what


def test_a_slow_leak_is_found_in_three_days_and_is_a_ticket(rows: Rows, find: Find) -> None:
    for hour in range(72):
        rows.put(hour * HOUR + 600, n=50, errors=(50, 1))
    found = find(look, "errors")
    assert (found.state, found.severity) == (Measured.ON, "ticket")
    assert "in the last 3 days (72 of 3,600)" in found.what


@pytest.mark.parametrize(("n", "over"), [(1000, 18), (1000, 25), (100, 4), (20, 0)])
def test_over_within_chance_or_by_few_is_off(rows: Rows, find: Find, n: int, over: int) -> None:
    rows.put(120, n=n, errors=(n, over))
    assert find(look, "errors").state is Measured.OFF


def test_too_few_say_nothing_and_no_limit_is_no_subject(rows: Rows, find: Find) -> None:
    rows.put(120, n=10, errors=(10, 3))
    assert find(look, "errors").state is Measured.UNKNOWN
    rows.put(120, "editor", "digest", n=1000, errors=(1000, 900))
    assert find(look, "errors", service="editor") is None


def test_what_is_over_is_off_again(rows: Rows, find: Find) -> None:
    rows.put(50 * 60, n=1000, errors=(1000, 300))
    rows.put(120, n=1000, errors=(1000, 0))
    found = find(look, "errors")
    assert (found.state, found.severity) == (Measured.ON, "ticket"), "the short window of three days is six hours"
    for ago in range(2, 12):
        rows.put(ago * HOUR, "forum", n=1000, errors=(1000, 300 if ago > 7 else 0))
    rows.put(120, "forum", n=1000, errors=(1000, 0))
    assert find(look, "errors", service="forum").state is Measured.OFF


@pytest.mark.parametrize(("hourly", "share"), [(20, 0.008), (100, 0.008), (1000, 0.009)])
def test_near_the_limit_a_month_of_looks_raises_nothing(hourly: int, share: float) -> None:
    """Looks every five minutes at overlapping windows; by chance alone, over 20 months, seeds fixed."""
    dice = np.random.default_rng(hourly)
    n = dice.poisson(hourly / 12, 20 * 28 * 288)
    over = dice.binomial(n, share)
    for length in (12, 72, 864):
        seen, bad = (np.convolve(values, np.ones(length, dtype=np.int64), "valid") for values in (n, over))
        near = (bad >= 5) & (bad > 0.015 * seen)
        found = [Share(int(hits), int(of)).exceeds(0.01) for hits, of in zip(bad[near], seen[near], strict=True)]
        assert not any(found)
