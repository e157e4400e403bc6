"""Missing data: silence, tags and costs that go missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ledger_rows import DAY, HOUR, WEEK, Rows

from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.coverage import EVERYTHING, look

Find = Callable[..., Signal]


def weeks(rows: Rows, *counts: int, ago: int = 1800, service: str = "helpdesk") -> None:
    """Write the count of this week, then of the weeks before."""
    for week, n in enumerate(counts):
        if n:
            rows.put(week * WEEK + ago, service, n=n)


def test_expected_traffic_that_is_missing_is_on(rows: Rows, find: Find) -> None:
    weeks(rows, 0, 200, 220, 180)
    weeks(rows, 100, 100, 100, 100, service="editor")
    found = find(look, "silence")
    assert (found.state, found.severity, found.use_case) == (Measured.ON, "urgent", "support-chat")
    assert found.what == (
        "expected traffic is missing: no request came in the last hour, against 180 or more at this time in past weeks"
    )
    assert found.next_step == "see whether the service is down, or calls its provider without the gateway"
    assert find(look, "silence", service=EVERYTHING).state is Measured.OFF
    assert find(look, "silence", service="editor").state is Measured.OFF


def test_where_everything_is_silent_one_signal_tells_of_it(rows: Rows, find: Find) -> None:
    weeks(rows, 0, 200, 220, 180)
    weeks(rows, 0, 200, 220, 180, service="editor")
    found = find(look, "silence", service=EVERYTHING)
    assert (found.state, found.severity, found.use_case) == (Measured.ON, "page", "")
    assert found.what.startswith("expected traffic is missing: none of 2 services had")
    assert found.next_step == "look at the gateway first: paceline doctor"
    assert find(look, "silence").state is Measured.UNKNOWN, "one incident tells of it"


def test_little_is_told_from_none(rows: Rows, find: Find) -> None:
    weeks(rows, 20, 200, 220, 180)
    found = find(look, "silence")
    assert (found.state, found.severity) == (Measured.ON, "ticket")
    assert "only 20 requests came in the last hour" in found.what


@pytest.mark.parametrize(
    "counts", [(150, 200, 220, 180), (6_000, 20_000, 22_000, 18_000), (0, 200, 3, 220), (0, 12, 10, 14)]
)
def test_a_near_miss_is_off(rows: Rows, find: Find, counts: tuple[int, ...]) -> None:
    weeks(rows, *counts)
    assert find(look, "silence").state is Measured.OFF, (
        "fewer, much fewer of very many, a quiet week among them, or little as ever"
    )


def test_little_traffic_is_missed_after_a_day(rows: Rows, find: Find) -> None:
    for hour in range(24):
        weeks(rows, 0, 3, 3, 3, ago=hour * HOUR + 1800)
    found = find(look, "silence")
    assert found.state is Measured.ON
    assert "no request came in the last day, against 72 or more" in found.what


def test_one_week_is_too_little_to_expect_anything(rows: Rows, find: Find) -> None:
    weeks(rows, 0, 200)
    assert find(look, "silence").state is Measured.UNKNOWN
    weeks(rows, 0, 200, 200, service="gone")
    assert find(look, "silence", service="gone") is None, "no longer in the standards"


def shares(rows: Rows, now: dict[str, int], before: dict[str, int]) -> None:
    rows.put(HOUR, **now)
    rows.put(3 * DAY, **before)


def test_an_untagged_share_that_rises_is_on(rows: Rows, find: Find) -> None:
    shares(rows, {"n": 1000, "n_untagged": 120}, {"n": 7000, "n_untagged": 140})
    found = find(look, "untagged")
    assert found.state is Measured.ON
    assert found.what == "12 % of its requests is untagged in the last day, against 2 % before"
    assert found.next_step


@pytest.mark.parametrize(
    ("untagged", "n", "state"),
    [(30, 1000, Measured.OFF), (3, 50, Measured.UNKNOWN), (0, 1000, Measured.OFF)],
)
def test_untagged_a_little_more_or_too_few(rows: Rows, find: Find, untagged: int, n: int, state: Measured) -> None:
    shares(rows, {"n": n, "n_untagged": untagged}, {"n": 7000, "n_untagged": 140})
    found = find(look, "untagged")
    assert (found.state, found.next_step) == (state, "")


def test_cost_coverage_that_falls_is_on(rows: Rows, find: Find) -> None:
    shares(rows, {"n": 1000, "n_cost": 700}, {"n": 7000})
    found = find(look, "cost_coverage")
    assert found.state is Measured.ON
    assert found.what == "the cost is known of 70 % of its requests in the last day, 100 % before"


@pytest.mark.parametrize(("known", "n", "state"), [(985, 1000, Measured.OFF), (10, 50, Measured.UNKNOWN)])
def test_costs_known_of_nearly_all_or_of_too_few(rows: Rows, find: Find, known: int, n: int, state: Measured) -> None:
    shares(rows, {"n": n, "n_cost": known}, {"n": 7000})
    assert find(look, "cost_coverage").state is state
