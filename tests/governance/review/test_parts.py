"""The parts of a review on rows written by hand: order, thresholds, ages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from case import Case, standards
from sqlalchemy import insert
from test_actions import LIMIT, SERVICE, SPEND
from tests.governance.signals.ledger_rows import NOON, Rows

from paceline.governance.review.attainment import by_class, left
from paceline.governance.review.charts import WIDTH, charts
from paceline.governance.review.document import Review
from paceline.governance.review.gathering import gather
from paceline.governance.review.money import movers
from paceline.governance.review.period import Period, span_ending
from paceline.governance.review.troubles import incidents_in
from paceline.ledger import Ledger
from paceline.ledger.schema import minute_limit

WEEK = span_ending(Period.WEEK, date(2026, 11, 22))
DAY = 86_400
HALF = 12 * 3_600
"""The week ends twelve hours before noon of the 23rd."""
CENT = 10_000_000


@pytest.fixture
def rows(ledger: Ledger) -> Rows:
    return Rows(ledger)


def cost(
    rows: Rows, service: str, now: tuple[int, int], before: tuple[int, int], use_case: str = "support-chat"
) -> None:
    """Write requests and cents a request of this week and of the one before."""
    for ago, (n, cents) in ((DAY, now), (9 * DAY, before)):
        rows.put(
            HALF + ago, service, use_case, n=n, cost_nanousd=n * cents * CENT, n_tokens=n, tokens_input=n * cents * 100
        )


def test_what_moved_is_what_costs(rows: Rows) -> None:
    cost(rows, "agent", (1000, 5), (900, 2))
    cost(rows, "helpdesk", (1000, 3), (1000, 4))
    cost(rows, "forum", (1000, 10), (1000, 10))
    cost(rows, "few", (50, 10), (1000, 1))
    cost(rows, "new", (1000, 10), (0, 0))
    found = movers(rows.ledger, standards(), WEEK)
    assert [(one.service, one.owner) for one in found] == [("agent", "lab"), ("helpdesk", "support")]
    assert (found[0].before, found[0].cost, found[0].extra) == pytest.approx((0.02, 0.05, 30.0))
    assert found[1].extra == pytest.approx(-10.0)
    assert (found[0].input_before, found[0].input_tokens) == (200.0, 500.0)


def test_small_change_is_no_news(rows: Rows) -> None:
    rows.put(HALF + DAY, n=1000, cost_nanousd=50_000_000)
    rows.put(HALF + 9 * DAY, n=1000, cost_nanousd=10_000_000)
    assert movers(rows.ledger, standards(), WEEK) == (), "fivefold, and four cents in all"


def limits(rows: Rows, ago: float, service: str, n: int, over: int) -> None:
    """Write what the ttft p95 of its support-chat judged."""
    rows.put(ago, service, n=n)
    series = rows.series[service, "support-chat", "small", "sim/small-8b", "p"]
    row = {"minute": int(NOON - ago) // 60, "series": series, "metric": "ttft_ms", "percentile": "p95"}
    with rows.ledger.engine.begin() as connection:
        connection.execute(insert(minute_limit).values(**row, n=n, over_limit=over))


def test_error_budgets_say_what_is_left_and_how_long(rows: Rows) -> None:
    limits(rows, HALF + 10 * DAY, "helpdesk", 10_000, 100)
    limits(rows, HALF + 3_600, "helpdesk", 1000, 100)
    limits(rows, HALF + 10 * DAY, "forum", 1000, 100)
    limits(rows, HALF + 10 * DAY, "agent", 10, 9)
    found = left(rows.ledger, standards(), WEEK)
    assert [one.service for one in found] == ["forum", "helpdesk"]
    assert (found[0].left, found[0].days_left) == (pytest.approx(-1.0), 0.0)
    assert found[1].left == pytest.approx(1 - 200 / 11_000 / 0.05)
    assert found[1].days_left == pytest.approx((0.05 * 11_000 - 200) / (100 - 50))


def test_worst_comes_first_and_classes_are_added_up(rows: Rows) -> None:
    limits(rows, HALF + DAY, "helpdesk", 1000, 80)
    limits(rows, HALF + DAY, "forum", 1000, 200)
    review = gather(rows.ledger, standards(), WEEK)
    judged = [(one.service, one.state) for one in review.services[:4]]
    assert judged[:2] == [("forum", "over"), ("helpdesk", "over")]
    assert {one.state for one in review.services[2:]} == {"no_traffic"}
    (chat,) = review.classes
    assert (chat.class_, chat.over, chat.within, chat.requests) == ("chat", 2, 0, 2000)
    kept = replace(SERVICE, state="within", class_="agent")
    assert [one.class_ for one in by_class((kept, SERVICE, replace(SERVICE, state="too_few")))] == ["chat", "agent"]


def test_incidents_are_told_as_of_the_period_s_end(case: Case) -> None:
    case.go_on()
    case.incident("i_late", "forum", "support-chat", "page", date(2026, 11, 24), "later")
    found = {one.id: one for one in incidents_in(case.ledger, WEEK)}
    assert list(found) == ["i_dear", "i_tags", "i_slow"], "open ones first, the most severe at the head"
    assert found["i_slow"].age_days == pytest.approx(6.04, abs=0.01)
    assert (found["i_slow"].state, found["i_slow"].reason, found["i_slow"].is_new) == ("resolved", "deploy", False)
    assert found["i_dear"].overdue == "triaged", "four hours for an urgent one"
    assert found["i_tags"].overdue == "", "two days for a ticket, which are not over"
    assert found["i_tags"].is_new


def drawn(review: Review) -> dict[str, list[float]]:
    return {name: [bar.length for bar in chart.bars] for name, chart in charts(review).items()}


def test_bars_end_where_the_plot_does(ledger: Ledger) -> None:
    empty = gather(ledger, standards(), WEEK)
    assert charts(empty) == {}
    worst = replace(SERVICE, limits=(replace(LIMIT, over=1000),))
    none_allowed = replace(SERVICE, limits=(replace(LIMIT, allowed=0.0),))
    review = replace(empty, services=(worst, none_allowed, SERVICE), spend=(replace(SPEND, month=900.0), SPEND))
    assert drawn(review) == {"budgets": [WIDTH, WIDTH, pytest.approx(252.0)], "spend": [WIDTH, pytest.approx(306.2)]}
    many = replace(empty, services=(SERVICE,) * 40)
    assert len(drawn(many)["budgets"]) == 12
    bar = charts(review)["spend"].bars[1]
    assert bar.low is not None
    assert bar.high is not None
    assert bar.length < bar.low <= bar.high <= WIDTH
