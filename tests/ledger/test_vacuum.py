"""Free pages of an SQLite file: what is beyond the reserve goes back, what will be used again stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, insert

from paceline.ledger import Keep, Ledger, open_ledger, vacuum
from paceline.ledger.engine import writing
from paceline.ledger.schema import ROWS

TABLE = ROWS[0].metrics
ROW_BYTES = 4_000


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger file of about 8 MB, of which about 1 MB may lie free."""
    monkeypatch.setattr(vacuum, "RESERVE_BYTES", 1 << 20)
    monkeypatch.setattr(vacuum, "STEP_PAGES", 100)
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    row = {"series": 1, "metric": "ttft_ms", "n": 1, "n_failed": 0, "sum": 1.0, "sketch": bytes(ROW_BYTES)}
    with writing(ledger.engine) as connection:
        connection.execute(insert(TABLE), [{**row, "minute": minute} for minute in range(2_000)])
    return ledger


def size(ledger: Ledger) -> int:
    with ledger.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def free(ledger: Ledger) -> int:
    with ledger.engine.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())


def test_everything_beyond_the_reserve_goes_back(full: Ledger) -> None:
    before = size(full)
    with writing(full.engine) as connection:
        connection.execute(delete(TABLE).where(TABLE.c.minute < 1_900))
    given = vacuum.give_back(full.engine, 0)
    assert before - size(full) == given
    assert given > 6 << 20
    assert free(full) == (1 << 20) // 4096
    assert vacuum.give_back(full.engine, 0) == 0
    full.close()


def test_a_step_is_many_pages_and_a_call_so_many_steps(full: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vacuum, "STEPS_MAX", 3)
    with writing(full.engine) as connection:
        connection.execute(delete(TABLE).where(TABLE.c.minute < 1_900))
    assert vacuum.give_back(full.engine, 0) == pytest.approx(3 * 100 * 4096, rel=0.02)
    full.close()


def test_the_reserve_stays(full: Ledger) -> None:
    with writing(full.engine) as connection:
        connection.execute(delete(TABLE).where(TABLE.c.minute < 200))
    before = free(full)
    assert before > 0
    assert vacuum.give_back(full.engine, 0) == 0
    assert free(full) == before
    full.close()


def test_retention_gives_back_more_than_one_step(full: Ledger) -> None:
    full.roll_up(now=5_000 * 60.0)
    done = full.retain(Keep(minutes_days=0, ten_minutes_days=0, hours_days=0), now=4_000_000 * 60.0, pause_s=0)
    assert done.bytes_given_back > 6 << 20
    full.close()


def test_a_server_looks_after_itself(ledger: Ledger) -> None:
    assert vacuum.give_back(ledger.engine, 0) == 0
