"""Which days make a month: those that are over, today's so far, and those to come."""

from __future__ import annotations

from datetime import date

import pytest
from ledger_rows import Rows
from standards_file import standards

from paceline.governance.signals.months import Month, months

TODAY = date(2026, 11, 23)


def month(rows: Rows, through: date = TODAY, *, is_whole: bool = False, service: str = "helpdesk") -> Month:
    (found,) = (
        each for each in months(rows.ledger, standards(), through, is_whole=is_whole) if each.service == service
    )
    return found


@pytest.mark.parametrize(
    ("through", "is_whole", "spent", "left"),
    [
        (date(2026, 11, 23), False, 23.0, 8),
        (date(2026, 11, 22), True, 22.0, 8),
        (date(2026, 10, 31), True, 31.0, 0),
        (date(2026, 11, 1), True, 1.0, 29),
    ],
)
def test_days_spent_and_days_left(rows: Rows, through: date, is_whole: bool, spent: float, left: int) -> None:
    rows.spent(dict.fromkeys(range(80), 1.0))
    found = month(rows, through, is_whole=is_whole)
    assert (found.spent, found.days_left, found.budget) == (pytest.approx(spent), left, 400.0)
    assert found.forecast is not None
    # Today counts as a whole day to come.
    whole = spent if is_whole else spent - 1
    assert found.forecast.expected == pytest.approx(whole + left)


def test_what_today_has_cost_is_the_least_the_month_ends_at(rows: Rows) -> None:
    rows.spent({**dict.fromkeys(range(1, 40), 1.0), 0: 500.0})
    found = month(rows)
    assert found.is_spent
    assert found.forecast is not None
    assert found.forecast.lower == found.forecast.upper == pytest.approx(522.0)
    assert found.days_to_budget == 0.0


def test_a_first_day_may_be_half_a_one_and_is_no_evidence(rows: Rows) -> None:
    rows.spent({7: 0.1, **dict.fromkeys(range(1, 7), 10.0)})
    assert month(rows).forecast is None, "six whole days"
    rows.spent({8: 0.1})
    assert month(rows).forecast is not None


def test_days_without_spend_count_as_such(rows: Rows) -> None:
    rows.spent({20: 1.0, 19: 50.0, 12: 50.0, 5: 50.0})
    found = month(rows)
    assert found.forecast is not None
    assert found.forecast.expected == pytest.approx(found.spent + 50.0, rel=0.4), "one more of them comes"


def test_a_service_without_a_budget_is_foretold_and_not_judged(rows: Rows) -> None:
    rows.spent(dict.fromkeys(range(40), 100.0), "editor")
    found = month(rows, service="editor")
    assert found.forecast is not None
    assert not found.is_heading_over
    assert not found.is_spent
    assert found.days_to_budget is None
