"""Actions: what follows from what, and how the next review finds out whether it happened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paceline.governance.review.actions import Found, actions_for, outcomes
from paceline.governance.review.document import (
    Action,
    Coverage,
    Incident,
    LimitResult,
    ServiceResult,
    Spend,
    Waiver,
)

LIMIT = LimitResult("ttft p95 ≤ 800 ms", 1000, 120, 0.05, "1.2 s", "over", None)
SERVICE = ServiceResult("helpdesk", "support-chat", "chat", "support", 1000, 900, "over", (LIMIT,))
WAIVED = replace(SERVICE, limits=(replace(LIMIT, waived="2026-12-01"),))
INCIDENT = Incident(
    *("i_1", "breach", "helpdesk", "support-chat", "support", "page", "ttft p95 is over 800 ms"),
    *(0.0, 600.0, None, "triaged", "", 4.2, True, "", "", ""),
)
SPEND = Spend("helpdesk", "support", 20.0, 10.0, 70.0, 60.0, 90.0, 85.0, 95.0, "over")
COVERAGE = Coverage("helpdesk", "support", 1000, 0.9, 1.0, 0.8, 1.0, 0.0)
WAIVER = Waiver("w_1", "helpdesk", "", "ttft p95", "Migration.", "kim", "lee", "2026-11-27", 5)
NOTHING = Found((), (), (), (), ())


def kinds(found: Found) -> list[str]:
    return [action.kind for action in actions_for(found, 7)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (NOTHING, []),
        (replace(NOTHING, services=(SERVICE,)), ["budget"]),
        (replace(NOTHING, services=(replace(SERVICE, state="within"),)), []),
        (replace(NOTHING, services=(WAIVED,)), []),
        (replace(NOTHING, services=(replace(WAIVED, limits=(*WAIVED.limits, LIMIT)),)), ["budget"]),
        (replace(NOTHING, services=(SERVICE,), incidents=(INCIDENT,)), ["incident"]),
        (
            replace(NOTHING, services=(SERVICE,), incidents=(replace(INCIDENT, use_case="other"),)),
            ["incident", "budget"],
        ),
        (replace(NOTHING, incidents=(replace(INCIDENT, severity="ticket"),)), []),
        (replace(NOTHING, incidents=(replace(INCIDENT, severity="ticket", overdue="mitigated"),)), ["incident"]),
        (replace(NOTHING, incidents=(replace(INCIDENT, ended=1e6),)), []),
        (replace(NOTHING, spend=(SPEND,)), ["spend"]),
        (replace(NOTHING, spend=(replace(SPEND, state="heading over"),)), ["spend"]),
        (replace(NOTHING, spend=(replace(SPEND, state="too early to tell"),)), []),
        (replace(NOTHING, coverage=(COVERAGE,)), ["tags", "prices"]),
        (replace(NOTHING, coverage=(replace(COVERAGE, requests=50),)), []),
        (replace(NOTHING, coverage=(replace(COVERAGE, tagged=0.96, cost=None),)), []),
        (replace(NOTHING, waivers=(WAIVER,)), ["waiver"]),
        (replace(NOTHING, waivers=(replace(WAIVER, days_left=8), replace(WAIVER, days_left=-1))), []),
        (replace(NOTHING, services=(replace(SERVICE, state="within", owner=""),)), ["owner"]),
        (replace(NOTHING, services=(replace(SERVICE, state="no_traffic", owner="", requests=0),)), []),
    ],
)
def test_what_follows_from_what(found: Found, expected: list[str]) -> None:
    assert kinds(found) == expected


def action(kind: str) -> Action:
    """The action of this kind that follows from everything at once."""
    coming = Found((SERVICE, replace(SERVICE, service="ghost", owner="", state="within")), (), (), (), ())
    whole = replace(coming, incidents=(replace(INCIDENT, use_case="x"),), spend=(SPEND,), waivers=(WAIVER,))
    (found,) = (one for one in actions_for(replace(whole, coverage=(COVERAGE,)), 7) if one.kind == kind)
    return found


WITHIN = replace(SERVICE, state="within")
FEW = replace(SERVICE, state="too_few", requests=12)
ENDED = replace(INCIDENT, ended=1e6, state="resolved", reason="deploy")
OWNED, ORPHAN = replace(WITHIN, service="ghost", owner="lab"), replace(WITHIN, service="ghost", owner="")
TAGGED = replace(COVERAGE, tagged=0.97, cost=0.99)
UNPAID = replace(COVERAGE, cost=None)
FINE = replace(SPEND, state="within", month=40.0)
EARLY, FREE = replace(SPEND, state="too early to tell"), replace(SPEND, state="no budget", budget=None)
RENEWED, OVER_NOW = replace(WAIVER, last_day="2026-12-27", days_left=28), replace(WAIVER, days_left=-2)


@pytest.mark.parametrize(
    ("kind", "found", "result", "why"),
    [
        ("incident", replace(NOTHING, incidents=(ENDED,)), "done", "resolved, reason deploy"),
        ("incident", replace(NOTHING, incidents=(INCIDENT,)), "not done", "it is triaged, 4 days old"),
        ("incident", NOTHING, "cannot tell", "the ledger no longer has it"),
        ("budget", replace(NOTHING, services=(WITHIN,)), "done", "within its budget"),
        ("budget", replace(NOTHING, services=(SERVICE,)), "not done", "12 % is over ttft p95 ≤ 800 ms"),
        ("budget", replace(NOTHING, services=(WAIVED,)), "done", "it is waived until 2026-12-01"),
        ("budget", replace(NOTHING, services=(FEW,)), "cannot tell", "12 requests are too few to tell"),
        ("budget", NOTHING, "done", "the standards no longer have it"),
        ("spend", replace(NOTHING, spend=(FINE,)), "done", "$40 of $60 this month"),
        ("spend", replace(NOTHING, spend=(SPEND,)), "not done", "over: $90 of $60 by the month's end"),
        ("spend", replace(NOTHING, spend=(EARLY,)), "cannot tell", "too early to tell"),
        ("spend", replace(NOTHING, spend=(FREE,)), "done", "it has no budget any more"),
        ("spend", NOTHING, "done", "nothing is spent"),
        ("waiver", replace(NOTHING, waivers=(WAIVER, RENEWED)), "done", "renewed until 2026-12-27"),
        ("waiver", replace(NOTHING, waivers=(OVER_NOW,)), "done", "it has ended"),
        ("waiver", replace(NOTHING, waivers=(WAIVER,)), "not done", "it ends on 2026-11-27"),
        ("tags", replace(NOTHING, coverage=(TAGGED,)), "done", "97 % is tagged"),
        ("tags", replace(NOTHING, coverage=(COVERAGE,)), "not done", "90 % is tagged"),
        ("tags", NOTHING, "cannot tell", "it had no traffic"),
        ("prices", replace(NOTHING, coverage=(TAGGED,)), "done", "the cost of 99 % is known"),
        ("prices", replace(NOTHING, coverage=(UNPAID,)), "cannot tell", "it had no paid calls"),
        ("owner", replace(NOTHING, services=(OWNED,)), "done", "it is lab's"),
        ("owner", replace(NOTHING, services=(ORPHAN,)), "not done", "nobody owns it"),
        ("owner", NOTHING, "done", "it has no traffic any more"),
    ],
)
def test_whether_it_happened(kind: str, found: Found, result: str, why: str) -> None:
    (outcome,) = outcomes([action(kind)], found)
    assert (outcome.result, outcome.why) == (result, why)


def test_an_action_of_another_version_is_not_guessed() -> None:
    (outcome,) = outcomes([replace(action("tags"), kind="later")], NOTHING)
    assert outcome.result == "cannot tell"


def test_every_action_says_who_and_when_it_is_done() -> None:
    found = Found((SERVICE,), (replace(INCIDENT, use_case="x"),), (SPEND,), (COVERAGE,), (WAIVER,))
    actions = actions_for(found, 7)
    assert len({one.id for one in actions}) == len(actions) == 6
    assert all(one.owner and one.text and one.condition for one in actions)
