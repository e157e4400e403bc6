"""The summary: three to five sentences, right for one and for many."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from test_actions import COVERAGE, ENDED, INCIDENT, NOTHING, SERVICE, SPEND, WITHIN

from paceline.governance.review.actions import actions_for, outcomes
from paceline.governance.review.period import Period, span_ending
from paceline.governance.review.summary import summed_up

WEEK = span_ending(Period.WEEK, date(2026, 11, 22))
MONTH = span_ending(Period.MONTH, date(2026, 11, 30))


def test_one_of_each() -> None:
    found = replace(NOTHING, services=(SERVICE,), incidents=(INCIDENT,), spend=(SPEND,))
    assert summed_up(WEEK, found, (), actions_for(found, 7)[:1]) == (
        "1 service made 1,000 requests in the week of 16 to 22 November 2026, "
        "for $20, 100 % more than the week before.",
        "1 of 1 budget was broken; it is helpdesk / support-chat (team support), "
        "where 12 % of requests were over ttft p95 ≤ 800 ms and 5 % may be.",
        "1 incident is open at its end (for 4 days); 1 began and none ended in the week.",
        "Of 1 monthly budget, that of helpdesk is used up ($70 of $60).",
        "The last review asked for nothing; there is 1 action for the next.",
    )


def test_many() -> None:
    services = (SERVICE, replace(SERVICE, service="forum", owner=""), replace(WITHIN, service="agent"))
    spend = [replace(SPEND, service=name, state="heading over", spent=10.0) for name in ("a", "b", "c", "d")]
    late = replace(INCIDENT, id="i_2", age_days=12.0, overdue="mitigated", is_new=False)
    found = replace(NOTHING, services=services, incidents=(INCIDENT, late, ENDED), spend=tuple(spend))
    actions = actions_for(replace(found, coverage=(COVERAGE,)), 30)
    told = summed_up(MONTH, found, outcomes(actions[:3], found), actions)
    assert told[0] == "3 services made 3,000 requests in November 2026, for $40, as much as the month before."
    assert told[1].startswith("2 of 3 budgets were broken; the worst is helpdesk / support-chat (team support)")
    assert (
        told[2]
        == "2 incidents are open at its end (the oldest for 12 days, 1 overdue); 2 began and 1 ended in the month."
    )
    assert told[3] == (
        "Of 4 monthly budgets, that of a is heading over ($90 expected, of $60), "
        "that of b is heading over ($90 expected, of $60) and 2 more are over or heading there."
    )
    assert told[4].startswith("Of 3 actions of the last review ")


def test_all_is_well() -> None:
    found = replace(NOTHING, services=(WITHIN,), spend=(replace(SPEND, state="within"),))
    assert summed_up(WEEK, found, None, ())[1:] == (
        "The one budget that could be judged was kept.",
        "No incident is open; none began or ended in the week.",
        "The one service with a monthly budget is within it, as far as can be told.",
        "There is no review before this one to look back at; there is no action for the next.",
    )


def test_nothing_at_all() -> None:
    told = summed_up(WEEK, NOTHING, None, ())
    assert told[0] == "No request came in the week of 16 to 22 November 2026."
    assert 3 <= len(told) <= 5
