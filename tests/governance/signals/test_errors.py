"""Error shares: the limit is 1 %."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ledger_rows import HOUR, Rows

from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.errors import look

Find = Callable[..., Signal]


@pytest.mark.parametrize(
    ("n", "over", "severity"), [(1000, 300, "page"), (1000, 70, "urgent"), (1000, 35, "ticket"), (20, 8, "page")]
)
def test_over_beyond_chance_is_on_as_bad_as_it_is(rows: Rows, find: Find, n: int, over: int, severity: str) -> None:
    rows.put(600, n=n, errors=(n, over))
    found = find(look, "errors")
    assert (found.state, found.severity, found.measure) == (Measured.ON, severity, "error_share")


def test_it_says_how_many_of_how_many(rows: Rows, find: Find) -> None:
    rows.put(600, n=1000, errors=(1000, 300))
    found = find(look, "errors")
    assert found.what == "30 % of its requests is failing in the last hour (300 of 1,000), 1 % allowed"
    assert found.next_step.startswith("see which provider fails")


def test_little_traffic_is_judged_over_six_hours(rows: Rows, find: Find) -> None:
    for hour in range(6):
        rows.put(hour * HOUR + 600, n=20, errors=(20, 2))
    found = find(look, "errors")
    assert (found.state, found.severity) == (Measured.ON, "ticket")
    assert "in the last 6 hours (12 of 120)" in found.what


@pytest.mark.parametrize(("n", "over"), [(1000, 18), (100, 4), (20, 0)])
def test_over_within_chance_or_by_few_is_off(rows: Rows, find: Find, n: int, over: int) -> None:
    rows.put(600, n=n, errors=(n, over))
    assert find(look, "errors").state is Measured.OFF


def test_too_few_say_nothing_and_no_limit_is_no_subject(rows: Rows, find: Find) -> None:
    rows.put(600, n=10, errors=(10, 4))
    assert find(look, "errors").state is Measured.UNKNOWN
    rows.put(600, "editor", "digest", n=1000, errors=(1000, 900))
    assert find(look, "errors", service="editor") is None


def test_what_is_over_is_over_after_the_outage_too(rows: Rows, find: Find) -> None:
    rows.put(4 * HOUR, n=1000, errors=(1000, 300))
    rows.put(600, n=1000, errors=(1000, 0))
    found = find(look, "errors")
    assert (found.state, found.severity) == (Measured.ON, "ticket"), "six hours have not passed"
