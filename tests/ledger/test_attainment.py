"""Every use case against its budget at small cost: the same as the report says, and a course that adds up to it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.ledger.journal_files import Record
from tests.ledger.test_reading import DAY, HOUR, KEEP, START, take_in, traffic

from paceline.ledger import Ledger
from paceline.ledger.attainment import times_allowed
from paceline.ledger.verdict import State
from paceline.standards import load

TEXT = """
version: 1
providers: {sim: {base_url: "http://127.0.0.1:4199/v1"}}
models: {small: {deployments: [sim/small-8b]}}
use_cases:
  support-chat: {class: chat, model: small, budget: {ttft: {p95: 800ms, p99: null}, tpot: null, stall: null}}
  quiet: {class: batch, model: small}
teams: {support: {}}
services:
  helpdesk: {owner: support, use_cases: [support-chat, quiet]}
"""
SPAN = (START, START + 30 * HOUR)


@pytest.fixture
def records(ledger: Ledger, journal: Path) -> list[Record]:
    """Thirty hours of three services under the newest plan."""
    plan = load(TEXT, env={}, today=date(2001, 9, 9)).sound().plan()
    ledger.plans.put(plan)
    made = traffic(21, 30, n=900)
    for record in made:
        record.plan = plan.hash8
    take_in(ledger, journal, made)
    return made


@pytest.mark.parametrize("rolled", [False, True])
def test_it_says_what_the_report_says(ledger: Ledger, records: list[Record], rolled: bool) -> None:
    if rolled:
        ledger.roll_up(now=START + 9 * DAY)
        ledger.retain(KEEP, now=START + 2 * DAY, pause_s=0)
    report = {(row.group["service"], row.group["use_case"]): row for row in ledger.measure(*SPAN).services}
    found = ledger.attainment(*SPAN, piece=60)
    assert {(one.service, one.use_case) for one in found} == report.keys()
    for one in found:
        row = report[one.service, one.use_case]
        assert (one.requests, one.state, one.verdict, one.owner) == (
            row.requests,
            row.state,
            row.verdict,
            row.owner or "",
        )
        assert one.answered == row.outcomes["ok"]
        assert one.cost_usd == pytest.approx(row.cost_usd + row.other_cost_usd)
        limits = [limit for metric in row.metrics.values() for limit in metric.limits if limit.n]
        assert one.times == max(map(times_allowed, limits), default=0.0)
        if one.worst is not None:
            assert one.worst in limits, "its percentile too"
    assert {one.state for one in found} == {State.OVER, State.NO_TRAFFIC}
    assert sum(one.requests for one in found) == len(records)


def test_the_course_is_of_the_worst_limit_by_pieces(ledger: Ledger, records: list[Record]) -> None:
    (one,) = [one for one in ledger.attainment(*SPAN, piece=600) if one.service == "helpdesk" and one.requests]
    mine = [record for record in records if record.service == "helpdesk"]
    assert len(one.course) in {3, 4}, "pieces begin at round times, so the first may be a part"
    starts = range(int(START // 60) // 600 * 600, int(SPAN[1] // 60), 600)
    for start, times in zip(starts, one.course, strict=True):
        piece = [record for record in mine if start <= record.start_s // 60 < start + 600]
        over = sum(bool(record.over) for record in piece)
        assert times == (pytest.approx(over / len(piece) / 0.05) if len(piece) >= 20 else None)


def test_the_share_before_is_that_of_the_span_of_the_same_length_before(ledger: Ledger, records: list[Record]) -> None:
    middle = START + 15 * HOUR
    found = {(one.service, one.use_case): one for one in ledger.attainment(middle, SPAN[1], piece=60)}
    earlier = [record for record in records if record.service == "agent" and record.start_s < middle]
    assert found["agent", "support-chat"].before == sum(bool(record.over) for record in earlier) / len(earlier)
    assert all(one.before is None for one in ledger.attainment(*SPAN, piece=60)), "nothing was there before"


def test_an_empty_ledger_has_nothing(ledger: Ledger) -> None:
    assert ledger.attainment(*SPAN, piece=60) == []


@pytest.mark.parametrize("rolled", [False, True])
def test_that_of_one_service_is_the_same_as_among_all(ledger: Ledger, records: list[Record], rolled: bool) -> None:
    if rolled:
        ledger.roll_up(now=START + 9 * DAY)
    assert records
    middle = START + 15 * HOUR
    every = ledger.attainment(middle, SPAN[1], piece=60)
    for service in {one.service for one in every}:
        own = [one for one in every if one.service == service]
        assert ledger.attainment(middle, SPAN[1], piece=60, service=service) == own
    assert ledger.attainment(middle, SPAN[1], piece=60, service="ghost") == []
