"""Deletes what is older, or more, than the ledger keeps.

In chunks, each a short transaction, so that ingest and readers never wait long.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import Connection, Engine, delete, exists, func, select, text, tuple_

from paceline.ledger import plans, settings
from paceline.ledger.engine import writing
from paceline.ledger.errors import translated
from paceline.ledger.ingest import SERIES_EPOCH
from paceline.ledger.schema import (
    minute,
    minute_event,
    minute_limit,
    minute_metric,
    plan,
    plan_body,
    request,
    series,
    spend,
)

CHUNK: Final = 2_000
"""Most rows deleted in one transaction."""
PAUSE_S: Final = 0.005
"""Between chunks, so that whoever waits for the write lock gets it: SQLite does not queue."""
_DAY_S: Final = 86_400
_DAY_MINUTES: Final = 1_440
_SAMPLE: Final = 500


@dataclass(frozen=True)
class Keep:
    """How much is kept. Request rows go by age and by size, minute rows by age."""

    requests_days: float = 30
    requests_bytes: int = 8 << 30
    """Approximate size of the request rows."""
    minutes_days: float = 400


@dataclass(frozen=True)
class Retained:
    """Rows deleted by one call."""

    requests: int = 0
    minutes: int = 0
    series: int = 0
    plans: int = 0


def retain(engine: Engine, keep: Keep, now: float, *, chunk: int = CHUNK, pause_s: float = PAUSE_S) -> Retained:
    """Delete what `keep` does not keep. `now` is Unix seconds. Raises `LedgerError`."""
    work = _Work(engine, chunk, pause_s)
    with translated("delete old rows"):
        oldest = _first_id(now - keep.requests_days * _DAY_S)
        by_age = work.repeat(lambda connection, most: _requests_before(connection, oldest, most))
        by_size = work.repeat(_oldest_requests, most=_excess(engine, keep.requests_bytes))
        bound = int((now - keep.minutes_days * _DAY_S) // 60)
        minutes = work.repeat(lambda connection, most: _minutes_before(connection, bound, most))
        with writing(engine) as connection:
            dropped_series, dropped_plans = _unused(connection, bound)
            connection.execute(delete(spend).where(spend.c.day < bound // _DAY_MINUTES))
        if engine.dialect.name == "sqlite" and by_age + by_size + minutes:
            _give_back(engine, pages=chunk)
    return Retained(by_age + by_size, minutes, dropped_series, dropped_plans)


@dataclass(frozen=True)
class _Work:
    engine: Engine
    chunk: int
    pause_s: float

    def repeat(self, step: Callable[[Connection, int], int], most: int | None = None) -> int:
        """Run `step` in transactions of its own until it finds less than a chunk, or `most` rows are gone."""
        total = 0
        while most is None or total < most:
            limit = self.chunk if most is None else min(self.chunk, most - total)
            with writing(self.engine) as connection:
                done = step(connection, limit)
            total += done
            if done < limit:
                break
            time.sleep(self.pause_s)
        return total


def _first_id(moment: float) -> bytes:
    """Return the smallest id a request of that Unix second can have: ids begin with 48 bits of milliseconds."""
    return max(0, int(moment * 1000)).to_bytes(6, "big") + bytes(10)


def _requests_before(connection: Connection, oldest: bytes, most: int) -> int:
    some = select(request.c.id).where(request.c.id < oldest).order_by(request.c.id).limit(most)
    return connection.execute(delete(request).where(request.c.id.in_(some))).rowcount


def _oldest_requests(connection: Connection, most: int) -> int:
    some = select(request.c.id).order_by(request.c.id).limit(most)
    return connection.execute(delete(request).where(request.c.id.in_(some))).rowcount


def _minutes_before(connection: Connection, bound: int, most: int) -> int:
    here = minute.c.minute, minute.c.series
    rows = connection.execute(select(*here).where(minute.c.minute < bound).order_by(*here).limit(most)).all()
    if not rows:
        return 0
    # Whole (minute, series) pairs up to the last one found: a range, so it stays one indexed delete per table.
    last = rows[-1]
    for table in (minute_metric, minute_limit, minute_event, minute):
        pair = tuple_(table.c.minute, table.c.series)
        connection.execute(delete(table).where(table.c.minute <= last.minute, pair <= tuple_(last.minute, last.series)))
    return len(rows)


def _excess(engine: Engine, bytes_max: int) -> int:
    """Return how many request rows are too many for `bytes_max`, by the mean size of the rows as stored."""
    with engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(request)).scalar_one()
        if not count:
            return 0
        if connection.dialect.name == "postgresql":
            sample = f"SELECT avg(pg_column_size(r.*)) FROM (SELECT * FROM request LIMIT {_SAMPLE}) AS r"  # noqa: S608
            row_bytes = float(connection.execute(text(sample)).scalar_one()) + 40
        else:
            row_bytes = _sqlite_row_bytes(connection)
    return max(0, count - int(bytes_max / row_bytes))


def _sqlite_row_bytes(connection: Connection) -> float:
    """Estimate a stored row: numbers take about three bytes, texts their length, and each field one in the header."""
    texts = [column for column in request.columns if column.type.python_type is str]
    lengths = sum((func.length(column) for column in texts), start=func.length(request.c.id))
    sample = select(lengths.label("length")).limit(_SAMPLE).subquery()
    mean = connection.execute(select(func.avg(sample.c.length))).scalar_one()
    return float(mean) + 3.0 * (len(request.columns) - len(texts)) + len(request.columns)


def _give_back(engine: Engine, pages: int) -> None:
    """Return a bounded number of free pages of SQLite's file to the file system."""
    with engine.connect() as connection:
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        # The driver's own call: the statement frees a page a step, and SQLAlchemy takes one step only.
        driver.execute(f"PRAGMA incremental_vacuum({pages:d})").fetchall()


def _unused(connection: Connection, bound: int) -> tuple[int, int]:
    """Delete series without minute rows, and plans made before the minute `bound` that no series needs."""
    gone = delete(series).where(~exists().where(minute.c.series == series.c.id))
    dropped_series = connection.execute(gone).rowcount
    if dropped_series:
        settings.count_up(connection, SERIES_EPOCH)
    needless = ~exists().where(series.c.plan == plan.c.hash8)
    newest = plans.newest(connection)
    unused = delete(plan).where(needless, plan.c.last_seen_us < bound * 60_000_000, plan.c.hash8 != newest)
    dropped_plans = connection.execute(unused).rowcount
    connection.execute(delete(plan_body).where(~exists().where(plan.c.body == plan_body.c.digest)))
    return dropped_series, dropped_plans
