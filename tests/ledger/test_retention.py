"""Deleting what is old or too much, a chunk at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event, func, insert, select
from tests.ledger.journal_files import Record, mask, write_segment
from tests.ledger.test_report import plan

from paceline.ledger import Keep, Ledger, Retained, retention
from paceline.ledger.schema import cap_change, minute, minute_limit, minute_metric, plan_body, request, series

DAY = 86_400.0
NOW = 1_700_000_000.0
EVERYTHING = Keep(requests_days=1e4, requests_bytes=1 << 40, minutes_days=1e4, ten_minutes_days=1e4, hours_days=1e4)


def load(ledger: Ledger, journal: Path, ages_days: list[float], sequence: int = 1) -> None:
    records = [
        Record(number, start_s=NOW - age * DAY, judged=mask(("ttft_ms", "p95"))) for number, age in enumerate(ages_days)
    ]
    write_segment(journal, sequence, records)
    ledger.ingest(journal)


def count(ledger: Ledger, table: object) -> int:
    with ledger.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def test_everything_young_stays(ledger: Ledger, journal: Path) -> None:
    load(ledger, journal, [0.5] * 10)
    assert ledger.retain(now=NOW) == Retained()
    assert count(ledger, request) == 10


def test_requests_and_minutes_go_by_age(ledger: Ledger, journal: Path) -> None:
    load(ledger, journal, [0, 1, 2, 3, 4, 5, 6, 7])
    ledger.roll_up(now=NOW)
    done = ledger.retain(Keep(requests_days=2.5, minutes_days=5.5), now=NOW, pause_s=0)
    assert (done.requests, done.minutes) == (5, 2)
    assert count(ledger, request) == 3
    assert [count(ledger, table) for table in (minute, minute_limit)] == [6, 6]
    with ledger.engine.connect() as connection:
        oldest = connection.execute(select(func.min(minute_metric.c.minute))).scalar_one()
    assert oldest >= (NOW - 5.5 * DAY) // 60


def test_the_oldest_go_when_there_are_too_many(ledger: Ledger, journal: Path) -> None:
    load(ledger, journal, [float(age) for age in range(40)])
    done = ledger.retain(Keep(requests_days=1e4, requests_bytes=4_000, minutes_days=1e4), now=NOW, pause_s=0)
    left = count(ledger, request)
    assert done.requests == 40 - left
    assert 4 <= left <= 30
    with ledger.engine.connect() as connection:
        oldest = connection.execute(select(func.min(request.c.start_us))).scalar_one()
    assert oldest == round((NOW - (left - 1) * DAY) * 1e6)


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_no_transaction_deletes_more_than_a_chunk(ledger: Ledger, journal: Path, chunk: int) -> None:
    load(ledger, journal, [100.0 + age for age in range(10)])
    deleted: list[int] = []

    @event.listens_for(ledger.engine, "after_cursor_execute")
    def _look(_connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM request"):
            deleted.append(cursor.rowcount)  # type: ignore[attr-defined]

    assert ledger.retain(Keep(requests_days=50), now=NOW, chunk=chunk, pause_s=0).requests == 10
    assert sum(deleted) == 10
    assert max(deleted) <= chunk


def test_a_call_ends_and_the_next_goes_on(ledger: Ledger, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNKS_MAX", 2)
    load(ledger, journal, [100.0 + age for age in range(10)])
    while ledger.roll_up(now=NOW).behind:
        pass
    keep = Keep(requests_days=50, minutes_days=50, ten_minutes_days=50, hours_days=50)
    calls = [ledger.retain(keep, now=NOW, chunk=1, pause_s=0) for _ in range(6)]
    assert [done.requests for done in calls] == [2, 2, 2, 2, 2, 0]
    assert sum(done.minutes for done in calls) == sum(done.hours for done in calls) == 10
    assert count(ledger, minute) == count(ledger, series) == 0


def test_series_that_go_are_not_remembered_by_ingest(ledger: Ledger, journal: Path) -> None:
    load(ledger, journal, [100.0])
    ledger.roll_up(now=NOW)
    assert ledger.retain(Keep(hours_days=50), now=NOW, pause_s=0).series == 1
    load(ledger, journal, [0.0], sequence=2)
    with ledger.engine.connect() as connection:
        known = connection.execute(select(series.c.id)).scalars().all()
        assert connection.execute(select(minute.c.series)).scalars().all() == known


def test_plans_go_when_they_are_old_and_nothing_needs_them(ledger: Ledger, journal: Path) -> None:
    needed, needless, newest = plan(), plan([]), plan([("total_ms", "p95", 1.0)])
    for one in (needed, needless, newest):
        ledger.plans.put(one)
    write_segment(journal, 1, [Record(1, start_s=NOW, plan=needed.hash8)])
    ledger.ingest(journal)
    assert ledger.retain(EVERYTHING, now=NOW, pause_s=0).plans == 0, "they were made just now"
    ledger.roll_up(now=NOW + 5e4 * DAY)
    assert ledger.retain(EVERYTHING, now=NOW + 5e4 * DAY, pause_s=0).plans == 2
    assert ledger.plans.get(newest.hash[:16]) is not None
    assert count(ledger, plan_body) == 1


def test_an_empty_ledger_has_nothing_to_delete(ledger: Ledger) -> None:
    assert ledger.retain(Keep(requests_bytes=0)) == Retained()


def test_old_changes_of_caps_go_but_for_those_in_force(ledger: Ledger) -> None:
    ages = {"talk": [500, 450, 3], "triage": [600, 500], "digest": [1]}
    fixed = {"cap_from": None, "cap_to": 300, "why": "learned", "n_before": 1, "n_cut_before": 0}
    with ledger.engine.begin() as connection:
        for name, days in ages.items():
            made = [{"use_case": name, "at_us": round((NOW - age * DAY) * 1e6), **fixed} for age in days]
            connection.execute(insert(cap_change), made)
    before = ledger.learning.in_force()
    done = ledger.retain(Keep(hours_days=400), now=NOW, pause_s=0)
    assert (done.cap_changes, count(ledger, cap_change)) == (3, 3)
    assert ledger.learning.in_force() == before == dict.fromkeys(ages, 300)
    assert ledger.retain(Keep(hours_days=400), now=NOW, pause_s=0).cap_changes == 0
