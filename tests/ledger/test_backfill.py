"""Strata of requests from before there were strata: the same as if there had always been some."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, delete, insert, select, text, update
from tests.ledger.journal_files import Record, write_segment
from tests.ledger.test_reading import DAY, FIRST, HOUR, START, traffic

from paceline import _core
from paceline.ledger import Keep, Ledger, Stratum, open_ledger, rollup, settings
from paceline.ledger.backfill import STRATA_SINCE
from paceline.ledger.engine import url_of, writing
from paceline.ledger.schema import STRATA, request, resolution

NOW = START + 5 * HOUR
SEGMENTS = count(1_000)


def take_in(ledger: Ledger, journal: Path, records: list[Record]) -> None:
    write_segment(journal, next(SEGMENTS), records)
    ledger.ingest(journal)


def forget(ledger: Ledger, since: int) -> None:
    """Leave the ledger as the upgrade of an older one does: no strata, and a note from where on there will be."""
    with writing(ledger.engine) as connection:
        for level in STRATA:
            connection.execute(delete(level.table))
        connection.execute(update(resolution).where(resolution.c.name == "stratum_hour").values(rolled_until=0))
        settings.write(connection, STRATA_SINCE, str(since))


def strata(ledger: Ledger) -> dict[int, list[Stratum]]:
    return {minutes: list(ledger.strata(START - DAY, NOW, resolution=minutes)) for minutes in (10, 60)}  # type: ignore[arg-type]


def test_older_requests_are_counted_from_their_rows(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, traffic(1, 4))
    ledger.roll_up(now=NOW)
    before = strata(ledger)
    assert sum(row.n for row in before[10]) == sum(row.n for row in before[60]) == 300
    forget(ledger, FIRST + 300)
    assert strata(ledger) == {10: [], 60: []}
    ledger.roll_up(now=NOW)
    assert strata(ledger) == before
    assert ledger.settings.get(STRATA_SINCE) is None
    assert not ledger.roll_up(now=NOW).steps


def test_what_comes_in_meanwhile_counts_once(ledger: Ledger, journal: Path) -> None:
    records = traffic(2, 4)
    take_in(ledger, journal, records[:100])
    forget(ledger, FIRST + 300)
    for at in range(100, 300, 50):
        take_in(ledger, journal, records[at : at + 50])
        rollup.roll_up(ledger.engine, NOW, steps_max=2)
    ledger.roll_up(now=NOW)
    assert {minutes: sum(row.n for row in rows) for minutes, rows in strata(ledger).items()} == {10: 300, 60: 300}


def test_only_hours_of_which_every_request_is_left(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [Record(n, start_s=START + n * 600) for n in range(24)])
    ledger.roll_up(now=NOW)
    ledger.retain(Keep(requests_days=(NOW - START - 1.5 * HOUR) / DAY), now=NOW, pause_s=0)
    forget(ledger, FIRST + 300)
    ledger.roll_up(now=NOW)
    assert [row.minute for row in strata(ledger)[60]] == [FIRST + 120, FIRST + 180]


def test_hours_whose_tens_are_gone_have_hours_only(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, traffic(3, 4))
    forget(ledger, FIRST + 300)
    with writing(ledger.engine) as connection:
        connection.execute(update(resolution).where(resolution.c.name == "stratum").values(kept_since=FIRST + 120))
    ledger.roll_up(now=NOW)
    rows = strata(ledger)[10]
    assert {row.minutes for row in rows if row.minute < FIRST + 120} == {60}
    assert {row.minutes for row in rows if row.minute >= FIRST + 120} == {10}
    assert sum(row.n for row in rows) == 300


def test_an_upgrade_notes_it_where_there_are_requests(where: str) -> None:
    config = Config()
    config.set_main_option("script_location", "paceline.ledger:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine(url_of(where))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        blank = {column.name: "" if column.type.python_type is str else 0 for column in request.columns}
        id_ = round(START * 1000).to_bytes(6, "big") + bytes(10)
        names = {"api": "chat", "outcome": "ok", "token_source": "none", "cache": "none", "plan": "0f"}
        connection.execute(insert(request).values({**blank, **names, "id": id_, "start_us": round(START * 1e6)}))
    engine.dispose()
    with open_ledger(where) as ledger:
        assert int(ledger.settings.get(STRATA_SINCE) or 0) > FIRST
        with writing(ledger.engine) as connection:
            settings.write(connection, STRATA_SINCE, str(FIRST + 120))
        ledger.roll_up()
        (row,) = ledger.strata(START, START + HOUR, resolution=60)
        assert (row.minute, row.n, row.plan) == (FIRST, 1, "0f".rjust(16, "0"))
        with ledger.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM setting WHERE name = 'strata_since'")).scalar() == 0


def test_what_is_no_row_is_refused(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [Record(1)])
    with ledger.engine.connect() as connection:
        columns = [request.c[name] for name in _core.STRATUM_REQUEST_COLUMNS]
        row = tuple(connection.execute(select(*columns)).one())
    _, strata = _core.strata([row])
    assert len(strata) == 1
    for wrong in ((*row[:3], "no-outcome", *row[4:]), row[:5], (None, *row[1:])):
        with pytest.raises((ValueError, IndexError, TypeError)):
            _core.strata([wrong])
