"""Reviews that are sent by themselves: once, on the morning after, to people. On each database."""

from __future__ import annotations

from datetime import datetime

import pytest

from paceline.governance.alerts.alert import Alert
from paceline.governance.alerts.wording import headline, plain_text
from paceline.governance.review.sending import send_due_review
from paceline.ledger import Ledger
from paceline.standards import Standards, load

TEXT = """\
version: 1
organisation: Acme
alerting: {link: "https://paceline.acme.example", review: {every: week, to: [platform, support]}}
teams:
  platform: {alerts: [{slack: env:SLACK}, {pagerduty: env:PD}]}
  support: {}
"""
STANDARDS: Standards = load(TEXT, env={})


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_it_goes_once_on_the_morning_after_the_week(ledger: Ledger) -> None:
    assert send_due_review(ledger, STANDARDS, at("2026-11-23T06:30Z")) == 2
    for later in ("2026-11-23T06:31Z", "2026-11-27T12:00Z", "2026-11-30T05:59Z"):
        assert send_due_review(ledger, STANDARDS, at(later)) == 0
    assert send_due_review(ledger, STANDARDS, at("2026-11-30T06:00Z")) == 2
    assert [review.id for review in ledger.reviews.list()] == ["week-2026-11-23", "week-2026-11-16"]


def test_people_are_told_the_summary_and_programs_are_not(ledger: Ledger) -> None:
    send_due_review(ledger, STANDARDS, at("2026-11-23T06:30Z"))
    slack, log = ledger.outbox.of("review week-2026-11-16")
    assert (slack.team, slack.channel.partition("-")[0], log.team, log.channel) == (
        "platform",
        "slack",
        "support",
        "log",
    )
    alert = Alert.loaded(slack.alert)
    assert "16 to 22 November 2026" in headline(alert)
    assert plain_text(alert).endswith("https://paceline.acme.example/reviews/week-2026-11-16")
    assert "Owner:" not in plain_text(alert)


def test_without_a_wish_none_is_sent(ledger: Ledger) -> None:
    assert send_due_review(ledger, load("version: 1\n", env={}), at("2026-11-23T06:30Z")) == 0
    assert ledger.reviews.list() == []


@pytest.mark.parametrize("team", ["suport", "ops"])
def test_the_teams_must_exist(team: str) -> None:
    (fault,) = load(TEXT.replace("support]", f"{team}]"), env={}).faults
    assert (fault.path, fault.message) == ("alerting.review.to[1]", f"there is no team {team!r}")
