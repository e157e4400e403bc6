"""Money: months that end over their budget, hours that cost too much. 23 November; the budget is 400 dollars."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ledger_rows import DAY, HOUR, Rows

from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.spend import look

Find = Callable[..., Signal]
NANO = 10**9


def month(rows: Rows, find: Find, days: dict[int, float]) -> Signal:
    rows.spent(days)
    return find(look, "spend", measure="month")


def test_a_month_over_its_budget_is_on(rows: Rows, find: Find) -> None:
    found = month(rows, find, dict.fromkeys(range(40), 20.0))
    assert (found.state, found.severity) == (Measured.ON, "urgent")
    assert found.what == "spend is $460 this month, over its budget of $400"
    assert found.changed == ("the budget was used up by 23 November, with 8 days of the month to go",)
    assert "paceline report" in found.next_step


def test_a_month_that_is_sure_to_end_over_it_is_on_before_it_does(rows: Rows, find: Find) -> None:
    found = month(rows, find, dict.fromkeys(range(40), 15.0))
    assert (found.state, found.severity) == (Measured.ON, "ticket")
    assert found.what.startswith("spend is heading for $4")
    assert found.changed == (
        "$345 was spent by 23 November",
        "the budget is used up in 4 days at this rate",
    )


def test_a_month_within_it_is_off_and_one_that_may_be_either_is_off_too(rows: Rows, find: Find) -> None:
    assert month(rows, find, dict.fromkeys(range(40), 5.0)).state is Measured.OFF


def test_an_uncertain_month_is_not_told(rows: Rows, find: Find) -> None:
    uneven = {ago: 13.5 * (1.6 if ago // 7 % 2 else 0.4) for ago in range(40)}
    found = month(rows, find, uneven)
    assert found.state is Measured.OFF
    assert " to $" in found.what, "the interval holds the budget"


def test_less_than_a_week_says_nothing_unless_it_is_spent(rows: Rows, find: Find) -> None:
    assert month(rows, find, dict.fromkeys(range(5), 70.0)).state is Measured.UNKNOWN
    rows.spent({6: 200.0})
    assert find(look, "spend", measure="month").state is Measured.ON


def test_without_a_budget_there_is_no_month_to_judge(rows: Rows, find: Find) -> None:
    rows.spent(dict.fromkeys(range(40), 50.0), "editor")
    assert find(look, "spend", service="editor", measure="month") is None
    assert find(look, "spend", measure="month").state is Measured.UNKNOWN, "one with a budget is told of all the same"


@pytest.fixture
def past(rows: Rows) -> Rows:
    """Fourteen days at half a dollar an hour, twice that at ten in the evening."""
    for hour in range(1, 14 * 24):
        rows.put(hour * HOUR + 3_600, n=10, cost_nanousd=NANO if (12 - hour) % 24 == 22 else NANO // 2)
    return rows


def test_a_sudden_rate_is_on_with_what_is_left(past: Rows, find: Find) -> None:
    past.spent({1: 10.0, 2: 10.0})
    past.put(1800, n=10, cost_nanousd=8 * NANO, other_nanousd=NANO)
    found = find(look, "spend", measure="rate")
    assert (found.state, found.severity) == (Measured.ON, "urgent")
    assert found.what == "spend is $9 in the last hour, against $0.50 in hours like it"
    assert found.changed == ("$380 of the month's budget is left, 2 days at this rate",)


def test_a_rate_that_ends_the_month_in_a_day_is_a_page(past: Rows, find: Find) -> None:
    past.spent({1: 200.0})
    past.put(1800, n=10, cost_nanousd=30 * NANO)
    assert find(look, "spend", measure="rate").severity == "page"


def test_many_times_the_usual_is_off_where_it_is_little_money(past: Rows, find: Find) -> None:
    past.put(1800, n=10, cost_nanousd=7 * NANO)
    assert find(look, "spend", measure="rate").state is Measured.OFF, "under 2 % of the month's budget"


def test_a_new_record_alone_is_off(rows: Rows, find: Find) -> None:
    for hour in range(1, 14 * 24):
        rows.put(hour * HOUR + 3_600, n=10, cost_nanousd=(9 if hour == 24 else 1) * NANO)
    rows.put(1800, n=10, cost_nanousd=17 * NANO)
    assert find(look, "spend", measure="rate").state is Measured.OFF, "not twice the dearest hour like it"


def test_without_a_budget_a_sudden_rate_is_a_ticket(rows: Rows, find: Find) -> None:
    for hour in range(1, 14 * 24):
        rows.put(hour * HOUR + 3_600, "editor", n=10, cost_nanousd=NANO)
    rows.put(1800, "editor", n=10, cost_nanousd=6 * NANO)
    found = find(look, "spend", service="editor", measure="rate")
    assert (found.state, found.severity, found.changed) == (Measured.ON, "ticket", ())


def test_a_new_service_has_no_usual_rate(rows: Rows, find: Find) -> None:
    rows.put(DAY, n=10, cost_nanousd=NANO)
    rows.put(1800, n=10, cost_nanousd=30 * NANO)
    assert find(look, "spend", measure="rate").state is Measured.UNKNOWN
