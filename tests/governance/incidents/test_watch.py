"""The watch over a real ledger: traffic by the minute in, incidents out. On each database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from paceline.governance.incidents.acting import end, note
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.judging import Happened, allowed_share
from paceline.governance.incidents.rules import Accepted, Rules
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.governance.incidents.watch import watch
from paceline.ledger import Ledger
from paceline.ledger.schema import minute_limit, series

START = 1_795_435_200 // 60
"""2026-11-23 12:00 UTC, in minutes."""
RULES = Rules(owner=lambda _: "support")


@dataclass
class Traffic:
    """Rows of one limit, minute after minute, and the watch's clock."""

    ledger: Ledger
    minute: int = START
    number: int = 0
    rules: Rules = RULES
    happened: list[Happened] = field(default_factory=list)

    def run(self, minutes: int, n: int, over: int, *, look_every: int = 5) -> list[str]:
        """Let so many minutes pass with `n` requests each, `over` of them over the limit; what the watch did."""
        before = len(self.happened)
        for passed in range(1, minutes + 1):
            if n:
                self.write(n, over)
            self.minute += 1
            if passed % look_every == 0 or passed == minutes:
                self.happened += watch(self.ledger, self.minute * 60 + 100, self.rules)
        return [one.what for one in self.happened[before:]]

    def write(self, n: int, over: int) -> None:
        with self.ledger.engine.begin() as connection:
            if not self.number:
                names = {"service": "helpdesk", "use_case": "chat", "model": "m", "deployment": "d", "plan": "p"}
                self.number = connection.execute(
                    insert(series).values(**names, last_minute=1 << 40)
                ).inserted_primary_key[0]
            row = {"minute": self.minute, "series": self.number, "metric": "ttft", "percentile": "p95"}
            connection.execute(insert(minute_limit).values(**row, n=n, over_limit=over))


@pytest.fixture
def traffic(ledger: Ledger) -> Traffic:
    return Traffic(ledger)


def test_a_breach_becomes_one_incident_with_an_owner_and_a_severity(traffic: Traffic) -> None:
    assert traffic.run(60, 20, 1) == [], "5 % is the budget"
    assert traffic.run(60, 20, 8) == ["opened", "worsened", "worsened"], "a page takes an hour at 30 %"
    (found,) = traffic.ledger.incidents.list()
    assert (found.owner, found.state, found.severity) == ("support", "detected", "page")
    assert found.limit == ("helpdesk", "chat", "ttft", "p95")
    assert found.n >= 20
    known = traffic.ledger.incidents.get(found.id)
    assert known is not None
    assert [event.kind for event in known[1]] == ["detected", "severity", "severity"]
    assert "over the limit of ttft p95" in known[1][0].text


def test_what_gets_worse_says_so_once(traffic: Traffic) -> None:
    traffic.run(360, 5, 1)
    (found,) = traffic.ledger.incidents.list()
    assert found.severity == "urgent"
    assert traffic.run(60, 20, 16) == ["worsened"]
    (found,) = traffic.ledger.incidents.list()
    assert found.severity == "page"


def test_after_repair_it_closes_by_its_rule_and_a_quick_return_continues_it(traffic: Traffic) -> None:
    # A long good time before: the incident uses little of the window's budget.
    traffic.run(600, 20, 0, look_every=60)
    assert traffic.run(10, 20, 10)[:1] == ["opened"]
    assert traffic.run(600, 20, 0, look_every=60) == [], "a ticket wants a good day"
    assert traffic.run(900, 20, 0, look_every=60) == ["closed"]
    (ended,) = traffic.ledger.incidents.list(ended_since_us=0)
    assert (ended.state, ended.reason) == ("resolved", "unknown")
    assert traffic.ledger.incidents.list() == []
    assert traffic.run(10, 20, 10)[:1] == ["continued"]
    (again,) = traffic.ledger.incidents.list()
    assert again.id == ended.id


def test_an_incident_that_used_much_of_the_budget_waits_for_a_note(traffic: Traffic) -> None:
    assert traffic.run(60, 20, 10) == ["opened"]
    assert "mitigated" in traffic.run(180, 20, 0)
    (found,) = traffic.ledger.incidents.list()
    assert found.state == "mitigated"


def test_an_incident_that_a_person_ended_comes_back_only_with_new_evidence(traffic: Traffic) -> None:
    traffic.run(30, 20, 10)
    (found,) = traffic.ledger.incidents.list()
    end(traffic.ledger, found.id, "dana", IncidentState.RESOLVED, reason=Reason.DEPLOY, text="rolled back")
    assert traffic.run(30, 20, 0) == []
    assert traffic.run(10, 20, 10)[:1] == ["continued"]


def test_silence_closes_nothing(traffic: Traffic) -> None:
    traffic.run(600, 20, 0, look_every=60)
    assert traffic.run(10, 20, 10)[:1] == ["opened"]
    assert traffic.run(300, 0, 0) == []
    assert len(traffic.ledger.incidents.list()) == 1


def test_two_watches_and_a_repeated_one_open_one_incident(traffic: Traffic) -> None:
    traffic.run(30, 20, 10, look_every=30)
    for _ in range(3):
        assert watch(traffic.ledger, traffic.minute * 60 + 100, RULES) == []
    (found,) = traffic.ledger.incidents.list()
    assert found.n == 600, "every minute is counted once"


def test_of_several_processes_at_the_same_time_one_counts(traffic: Traffic) -> None:
    traffic.run(30, 20, 10, look_every=30)
    traffic.minute += 5
    traffic.write(20, 10)
    ready = threading.Barrier(4)

    def look() -> list[Happened]:
        ready.wait()
        return watch(traffic.ledger, (traffic.minute + 1) * 60 + 100, RULES)

    with ThreadPoolExecutor(4) as threads:
        looks = [one.result() for one in [threads.submit(look) for _ in range(4)]]
    assert sum(map(len, looks)) <= 1
    (found,) = traffic.ledger.incidents.list()
    assert found.n == 620


@pytest.mark.parametrize(("percentile", "share"), [("p95", 0.05), ("p50", 0.5), ("p99", 0.01), ("p999", 0.001)])
def test_a_percentile_says_what_share_may_be_over(percentile: str, share: float) -> None:
    assert allowed_share(percentile) == pytest.approx(share)
    assert allowed_share("mean") is None


def test_a_waiver_accepts_a_breach_which_is_measured_on(traffic: Traffic) -> None:
    until = datetime(2026, 12, 24, tzinfo=UTC)
    traffic.rules = Rules(owner=lambda _: "support", accepted=lambda _: Accepted("w_1", until))
    assert traffic.run(30, 20, 10) == ["accepted"]
    (found,) = traffic.ledger.incidents.list(ended_since_us=0)
    assert (found.state, found.waiver, found.is_open) == ("accepted", "w_1", False)
    before = found.n
    traffic.run(30, 20, 10)
    (found,) = traffic.ledger.incidents.list(ended_since_us=0)
    assert found.n > before, "still counted"
    traffic.rules = RULES
    assert traffic.run(10, 20, 10)[:1] == ["continued"]
    (found,) = traffic.ledger.incidents.list()
    assert (found.state, found.waiver) == ("detected", "")


def test_a_waiver_that_ends_after_the_breach_brings_nothing_back(traffic: Traffic) -> None:
    until = datetime(2026, 12, 24, tzinfo=UTC)
    traffic.rules = Rules(accepted=lambda _: Accepted("w_1", until))
    assert traffic.run(30, 20, 10) == ["accepted"]
    traffic.run(400, 20, 0, look_every=60)
    traffic.rules = RULES
    assert traffic.run(60, 20, 0) == []


def test_an_open_incident_is_accepted_by_a_waiver_granted_later(traffic: Traffic) -> None:
    traffic.run(30, 20, 10)
    traffic.rules = Rules(accepted=lambda _: Accepted("w_1", datetime(2026, 12, 24, tzinfo=UTC)))
    assert traffic.run(5, 20, 10) == ["accepted"]


def test_excluded_minutes_are_not_judged(traffic: Traffic) -> None:
    traffic.rules = Rules(is_excluded=lambda service, _use_case, minute: service == "helpdesk" and minute < START + 60)
    assert traffic.run(60, 20, 20) == []
    assert traffic.run(60, 20, 0) == []
    assert traffic.run(30, 20, 10)[:1] == ["opened"]


def test_a_limit_with_another_value_is_tested_anew(traffic: Traffic) -> None:
    traffic.rules = Rules(value=lambda _: "800 ms")
    assert traffic.run(600, 20, 0, look_every=60) == []
    assert traffic.run(10, 20, 10)[:1] == ["opened"]
    traffic.rules = Rules(value=lambda _: "1 s")
    traffic.run(5, 20, 0)
    (found,) = traffic.ledger.incidents.list()
    known = traffic.ledger.incidents.get(found.id)
    assert known is not None
    assert "the limit is 1 s now: what was counted before does not close it" in [event.text for event in known[1]]
    assert traffic.run(5, 20, 0) == []


def test_a_limit_that_is_gone_ends_its_incident(traffic: Traffic) -> None:
    traffic.run(30, 20, 10)
    traffic.rules = Rules(value=lambda _: None)
    assert traffic.run(5, 0, 0) == ["closed"]
    (found,) = traffic.ledger.incidents.list(ended_since_us=0)
    assert (found.state, found.reason) == ("resolved", "configuration")


def test_an_incident_that_waits_for_a_note_ends_with_it(traffic: Traffic) -> None:
    traffic.run(60, 20, 10)
    assert "mitigated" in traffic.run(180, 20, 0)
    (found,) = traffic.ledger.incidents.list()
    note(traffic.ledger, found.id, "dana", "rolled back")
    assert traffic.run(5, 20, 0) == ["closed"]


def test_it_is_dated_and_described(traffic: Traffic) -> None:
    traffic.rules = Rules(value=lambda _: "800 ms")
    traffic.run(120, 20, 1)
    began = traffic.minute
    traffic.run(30, 20, 8)
    (found,) = traffic.ledger.incidents.list()
    assert abs(found.since_us // 60_000_000 - began) <= 5
    facts = Facts.loaded(found.facts)
    assert facts.what == "ttft p95 is over 800 ms"
    assert facts.share_over is not None
    assert facts.share_over > 0.05
    assert facts.budget_left is not None
    assert facts.budget_left < 1
