"""Signals become incidents, and what closes, freezes, silences and accepts them. On each database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.acting import end, note
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.following import follow
from paceline.governance.incidents.rules import Accepted, Rules
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.ledger import Ledger
from paceline.ledger.incidents import Incident

NOW = 1_795_435_200.0
HOUR = 3600.0
SPEND = Signal(
    "spend",
    "helpdesk",
    Measured.ON,
    measure="month",
    what="spend is heading for 512 USD this month, of 400",
    changed=("prompts are longer",),
    next_step="look at the longest prompts",
)


class Story:
    """Signals over time."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = NOW
        self.rules = Rules(owner=lambda _: "support")

    def see(self, state: Measured, *, hours: float = 1.0, severity: Severity = Severity.TICKET) -> list[str]:
        self.now += hours * HOUR
        signal = Signal(
            **{**{name: getattr(SPEND, name) for name in SPEND.__slots__}, "state": state, "severity": severity}
        )
        return [each.what for each in follow(self.ledger, [signal], self.now, self.rules)]

    @property
    def one(self) -> Incident:
        (found,) = self.ledger.incidents.list(ended_since_us=0)
        return found


@pytest.fixture
def story(ledger: Ledger) -> Story:
    return Story(ledger)


def test_one_that_is_on_opens_one_incident_with_its_words(story: Story) -> None:
    assert story.see(Measured.ON) == ["opened"]
    assert story.see(Measured.ON) == []
    one = story.one
    assert (one.kind, one.limit, one.owner, one.severity) == (
        "spend",
        ("helpdesk", "", "month", ""),
        "support",
        "ticket",
    )
    facts = Facts.loaded(one.facts)
    assert (facts.what, facts.changed, facts.next_step) == (SPEND.what, SPEND.changed, SPEND.next_step)
    known = story.ledger.incidents.get(one.id)
    assert known is not None
    assert [event.text for event in known[1]] == [SPEND.what, "prompts are longer"]


def test_it_gets_worse_and_never_better_by_itself(story: Story) -> None:
    story.see(Measured.ON)
    assert story.see(Measured.ON, severity=Severity.PAGE) == ["worsened"]
    assert story.see(Measured.ON, severity=Severity.URGENT) == []
    assert story.one.severity == "page"


def test_it_closes_when_it_has_been_off_for_long_enough(story: Story) -> None:
    story.see(Measured.ON)
    assert story.see(Measured.OFF) == []
    assert story.see(Measured.OFF, hours=23) == []
    assert story.see(Measured.OFF, hours=1) == ["closed"]
    assert (story.one.state, story.one.reason) == ("resolved", "unknown")


def test_what_comes_and_goes_is_not_off(story: Story) -> None:
    story.see(Measured.ON)
    story.see(Measured.OFF, hours=20)
    story.see(Measured.ON)
    story.see(Measured.OFF)
    assert story.see(Measured.OFF, hours=20) == []
    assert story.one.is_open


def test_missing_data_closes_nothing_and_opens_nothing(story: Story) -> None:
    assert story.see(Measured.UNKNOWN) == []
    story.see(Measured.ON)
    assert story.see(Measured.UNKNOWN, hours=100) == []
    assert story.one.is_open


def test_a_quick_return_continues_it_and_a_late_one_opens_another(story: Story) -> None:
    story.see(Measured.ON)
    story.see(Measured.OFF)
    story.see(Measured.OFF, hours=24)
    assert story.see(Measured.ON, hours=20) == ["continued"]
    since = story.one.since_us
    story.see(Measured.OFF)
    story.see(Measured.OFF, hours=24)
    assert story.see(Measured.ON, hours=30) == ["opened"]
    assert len(story.ledger.incidents.list(ended_since_us=0)) == 2
    assert since < story.ledger.incidents.list()[0].since_us


def test_a_persons_word_holds_until_it_was_off(story: Story) -> None:
    story.see(Measured.ON)
    end(story.ledger, story.one.id, "dana", IncidentState.RESOLVED, reason=Reason.PROMPT)
    assert story.see(Measured.ON) == []
    assert story.see(Measured.OFF, hours=24) == []
    assert story.see(Measured.ON, hours=24 * 365) == ["opened"]


def test_a_persons_word_does_not_hold_for_ever(story: Story) -> None:
    story.see(Measured.ON)
    end(story.ledger, story.one.id, "dana", IncidentState.FALSE_ALARM, text="a test")
    assert story.see(Measured.ON, hours=24 * 365) == ["opened"]


def test_a_waiver_accepts_it_and_its_end_brings_it_back(story: Story) -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    story.rules = Rules(accepted=lambda limit: Accepted("w_1", until) if limit.service == "helpdesk" else None)
    assert story.see(Measured.ON) == ["accepted"]
    assert (story.one.state, story.one.waiver) == ("accepted", "w_1")
    assert story.see(Measured.ON) == [], "nobody is told twice"
    story.rules = Rules()
    assert story.see(Measured.ON) == ["continued"]
    assert (story.one.state, story.one.waiver) == ("detected", "")


def test_a_waiver_accepts_what_is_open(story: Story) -> None:
    story.see(Measured.ON)
    note(story.ledger, story.one.id, "dana", "asked for a waiver")
    story.rules = Rules(accepted=lambda _: Accepted("w_1", datetime(2026, 12, 1, tzinfo=UTC)))
    assert story.see(Measured.ON) == ["accepted"]


def test_known_maintenance_opens_nothing_and_closes_nothing(story: Story) -> None:
    maintenance = Rules(is_excluded=lambda service, _use_case, _minute: service == "helpdesk")
    story.rules = maintenance
    assert story.see(Measured.ON) == []
    story.rules = Rules()
    story.see(Measured.ON)
    story.rules = maintenance
    assert story.see(Measured.OFF, hours=1) == []
    assert story.see(Measured.OFF, hours=30) == []
    assert story.one.is_open
