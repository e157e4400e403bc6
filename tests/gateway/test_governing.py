"""Governance as control processes run it: one at a time, on what is taken in, with the standards' changes noted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import insert
from tests.gateway.test_control import STANDARDS

from paceline.gateway.data_dir import DataDir
from paceline.gateway.governing import LEASE, Governing
from paceline.gateway.link import Link
from paceline.gateway.planner import Planner
from paceline.ledger import Ledger
from paceline.ledger.incidents import BREACH, Incident
from paceline.ledger.schema import minute_limit, series

CHANNEL = 'teams: {support: {contact: "#s", alerts: [{slack: env:ABSENT}]}}'


class Process:
    """One control process's governance."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.standards = folder / "paceline.yaml"
        if not self.standards.exists():
            self.standards.write_text(STANDARDS.replace("teams: {support: {}}", CHANNEL))
        data = DataDir(folder / "data")
        data.ensure()
        self.planner = Planner(self.standards, data, ledger, Link(data.socket))
        self.planner.tick()
        self.taken_in: float | None = time.time()
        self.governing = Governing(ledger, self.planner, lambda: self.taken_in)


@pytest.fixture
def breached(ledger: Ledger) -> Ledger:
    """A ledger with a breach in its last hour."""
    now = int(time.time()) // 60
    names = {"service": "helpdesk", "use_case": "support-chat", "model": "small", "deployment": "house/m", "plan": "p"}
    with ledger.engine.begin() as connection:
        made = connection.execute(insert(series).values(**names, last_minute=0)).inserted_primary_key
        assert made is not None
        for minute in range(now - 60, now - 2):
            row = {"minute": minute, "series": made[0], "metric": "ttft_ms", "percentile": "p95"}
            connection.execute(insert(minute_limit).values(**row, n=20, over_limit=8))
    return ledger


def breaches(ledger: Ledger) -> list[Incident]:
    return ledger.incidents.list(kind=BREACH)


def test_a_breach_is_found_told_and_tried_to_be_sent(breached: Ledger, tmp_path: Path) -> None:
    process = Process(breached, tmp_path)
    process.governing.tick()
    (found,) = breaches(breached)
    assert (found.owner, found.told) == ("support", found.severity)
    (message,) = breached.outbox.of(found.id)
    process.governing.send()
    (message,) = breached.outbox.of(found.id)
    assert (message.tries, message.error) == (1, "the variable ABSENT is not set where the control process runs")
    process.governing.tick()
    assert len(breaches(breached)) == 1


def test_of_two_processes_one_acts_and_the_other_takes_over(breached: Ledger, tmp_path: Path) -> None:
    first, second = Process(breached, tmp_path), Process(breached, tmp_path)
    breached.leases.holds(LEASE, "somebody else")
    first.governing.tick()
    assert breaches(breached) == []
    breached.leases.give_back(LEASE, "somebody else")
    second.governing.tick()
    first.governing.tick()
    assert len(breaches(breached)) == 1
    assert len(breached.outbox.since(0)) == 1, "told once"
    second.governing.leave()
    first.governing.tick()
    assert breached.leases.holder(LEASE) is not None
    assert len(breached.outbox.since(0)) == 1


def test_nothing_is_judged_that_is_not_taken_in(breached: Ledger, tmp_path: Path) -> None:
    process = Process(breached, tmp_path)
    process.taken_in = None
    process.governing.tick()
    assert breaches(breached) == []
    process.taken_in = time.time() - 7200
    process.governing.tick()
    assert breaches(breached) == []
    process.taken_in = time.time()
    process.governing.tick()
    assert len(breaches(breached)) == 1


def test_changes_of_the_standards_and_of_owners_are_noted(ledger: Ledger, tmp_path: Path) -> None:
    process = Process(ledger, tmp_path)
    process.governing.tick()
    text = process.standards.read_text()
    text = text.replace("teams: {", 'teams: {desk: {contact: "#d"}, ').replace("{owner: support,", "{owner: desk,")
    process.standards.write_text(text)
    process.planner.tick()
    process.governing.tick()
    (event,) = ledger.events.between(0, 2**62)
    assert (event.kind, event.text) == ("plan", "the standards changed: services.helpdesk.owner, teams.desk")
    (entry,) = ledger.audit.list(subject="service helpdesk")
    assert (entry.action, entry.text) == ("owner", "support → desk")
    process.governing.tick()
    assert len(ledger.events.between(0, 2**62)) == 1


def test_without_sound_standards_nothing_happens(breached: Ledger, tmp_path: Path) -> None:
    (tmp_path / "paceline.yaml").write_text("version: 2\n")
    process = Process(breached, tmp_path)
    process.governing.tick()
    process.governing.send()
    assert breached.incidents.list() == []
    assert breached.leases.holder(LEASE) is None


def test_old_messages_are_forgotten(ledger: Ledger, tmp_path: Path) -> None:
    process = Process(ledger, tmp_path)
    process.governing.forget()
    assert ledger.outbox.since(0) == []
