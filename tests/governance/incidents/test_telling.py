"""Who hears what of an incident and when: opened, worse, overdue, still open, over; once each. On each database."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from paceline.governance.alerts.alert import Alert
from paceline.governance.alerts.wording import plain_text
from paceline.governance.incidents.acting import acknowledge, end, note
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.states import IncidentState, Reason, TransitionError
from paceline.governance.incidents.telling import tell
from paceline.ledger import Ledger
from paceline.ledger.incidents import IncidentEvent, LimitKey
from paceline.standards import load

NOW = 1_795_435_200.0
HOUR = 3600.0
STANDARDS = load(
    """\
version: 1
alerting: {default_team: platform, link: "https://paceline.acme.example", remind_every: 24h}
teams:
  support:
    contact: "#support"
    escalate_to: platform
    quiet_hours: {from: "20:00", to: "08:00"}
    alerts: [{slack: env:SLACK}, {pagerduty: env:PD, severities: [page]}]
  platform: {alerts: [{teams: env:TEAMS}]}
""",
    env={},
)


class Desk:
    """An incident and what is said of it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = NOW
        self.seen = 0

    def open(self, **more: Any) -> str:
        at_us = int(self.now * 1e6)
        facts = Facts("ttft p95 is over 800 ms", 0.143, 0.31, 2.4, ("prompts are longer",), "look at the prompts")
        values = {
            "state": "detected",
            "severity": "ticket",
            "owner": "support",
            "since_us": at_us,
            "detected_us": at_us,
        }
        values |= {"n": 10, "over_limit": 5, "allowed": 0.05, "facts": facts.dumped(), **more}
        with self.ledger.incidents.changing() as change:
            event = IncidentEvent(at_us, "paceline", "detected", "over")
            return change.open(values, LimitKey("helpdesk", "support-chat", "ttft_ms", "p95"), event)

    def change(self, number: str, **values: Any) -> None:
        with self.ledger.incidents.changing() as change:
            change.change(number, values)

    def tell(self, hours: float = 0.0) -> list[tuple[str, str, str]]:
        self.now += hours * HOUR
        tell(self.ledger, STANDARDS, self.now)
        written = self.ledger.outbox.since(0)
        new, self.seen = written[self.seen :], len(written)
        return [(message.event, message.team, message.channel.partition("-")[0]) for message in new]


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    return Desk(ledger)


def test_it_is_told_once_to_its_owner(desk: Desk) -> None:
    number = desk.open()
    assert desk.tell() == [("opened", "support", "slack")]
    assert desk.tell(1) == []
    (message,) = desk.ledger.outbox.of(number)
    assert plain_text(Alert.loaded(message.alert)).replace(number, "i_1") == snapshot("""\
helpdesk / support-chat: ttft p95 is over 800 ms (look this week)

Owner: support (#support)
Since: 2026-11-23 12:00 UTC
Over the limit now: 14 % of requests, 5.0 % allowed
Budget left: 31 %, used up in 2 days at this rate
What changed: prompts are longer
Next: look at the prompts

https://paceline.acme.example/incidents/i_1\
""")


def test_what_gets_worse_is_told_and_goes_to_more_channels(desk: Desk) -> None:
    number = desk.open()
    desk.tell()
    desk.change(number, severity="page")
    assert desk.tell() == [("worsened", "support", "slack"), ("worsened", "support", "pagerduty")]
    assert desk.tell() == []


def test_its_end_is_told_to_those_who_heard_of_it(desk: Desk) -> None:
    number = desk.open(severity="page")
    assert desk.tell() == [("opened", "support", "slack"), ("opened", "support", "pagerduty")]
    end(desk.ledger, number, "dana", IncidentState.RESOLVED, reason=Reason.DEPLOY, text="rolled back")
    assert desk.tell() == [("resolved", "support", "slack"), ("resolved", "support", "pagerduty")]
    assert desk.tell(30) == []


def test_one_that_used_much_of_the_budget_ends_with_a_note(desk: Desk) -> None:
    number = desk.open()
    with pytest.raises(TransitionError, match="it ends with a note"):
        end(desk.ledger, number, "dana", IncidentState.RESOLVED, reason=Reason.DEPLOY)
    note(desk.ledger, number, "dana", "rolled back")
    end(desk.ledger, number, "dana", IncidentState.RESOLVED, reason=Reason.DEPLOY)


def test_what_ended_before_anybody_heard_is_not_told(desk: Desk) -> None:
    number = desk.open()
    end(desk.ledger, number, "dana", IncidentState.RESOLVED, reason=Reason.DEPLOY, text="rolled back")
    assert desk.tell() == []


def test_past_its_due_time_the_team_above_hears_too(desk: Desk) -> None:
    number = desk.open(severity="page")
    desk.tell()
    assert desk.tell(0.4) == []
    overdue = [("overdue", "support", "slack"), ("overdue", "support", "pagerduty"), ("overdue", "platform", "teams")]
    assert desk.tell(0.2) == overdue
    assert desk.tell(0.2) == []
    acknowledge(desk.ledger, number, "dana")
    assert desk.tell(1) == []
    assert desk.tell(3) == overdue, "it had to be mitigated after four hours"


def test_an_open_one_is_told_again_after_a_day(desk: Desk) -> None:
    desk.open()
    desk.tell()
    assert desk.tell(23) == []
    assert desk.tell(1) == [("reminder", "support", "slack")]
    assert desk.tell(12) == []


def test_children_and_what_is_accepted_are_not_told(desk: Desk) -> None:
    desk.open(parent="i_other")
    desk.open(state="accepted", ended_us=int(NOW * 1e6), waiver="w_1")
    assert desk.tell() == []


def test_one_that_continues_is_told_as_new(desk: Desk) -> None:
    number = desk.open()
    desk.tell()
    end(desk.ledger, number, "dana", IncidentState.RESOLVED, reason=Reason.DEPLOY, text="rolled back")
    desk.tell()
    desk.change(number, state="detected", ended_us=None, told="")
    assert desk.tell(1) == [("opened", "support", "slack")]


def test_quiet_hours_hold_a_ticket_back_and_not_a_page(desk: Desk) -> None:
    desk.now += 9 * HOUR  # 21:00
    ticket, page = desk.open(), desk.open(severity="page")
    desk.tell()
    (held,) = desk.ledger.outbox.of(ticket)
    assert held.due_us == int((NOW + 20 * HOUR) * 1e6), "eight the next morning"
    assert {message.due_us for message in desk.ledger.outbox.of(page)} == {int(desk.now * 1e6)}


def test_what_nobody_owns_goes_to_the_default_team(desk: Desk) -> None:
    desk.open(owner="")
    assert desk.tell() == [("opened", "platform", "teams")]
