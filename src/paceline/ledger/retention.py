"""Deletes what is older, or more, than the ledger keeps.

In chunks, each a short transaction, so that ingest and readers never wait long. Rows of a resolution go only when those
of the next are there, and in the transaction that notes that they are gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, delete, exists, func, select, text

from paceline.ledger import learning, plans, resolutions, settings, windows
from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.ingest import SEEN_EVERY, SERIES_EPOCH
from paceline.ledger.resolutions import Level, floor
from paceline.ledger.schema import ROWS, STRATA, plan, plan_body, request, series, spend
from paceline.ledger.vacuum import give_back

CHUNK: Final = 2_000
"""Most rows deleted in one transaction."""
CHUNKS_MAX: Final = 500
"""Most chunks of one kind of rows in one call, so that it ends in good time; the next call goes on."""
PAUSE_S: Final = 0.005
"""Between chunks, so that whoever waits for the write lock gets it: SQLite does not queue."""
_DAY_S: Final = 86_400
_DAY_MINUTES: Final = 1_440
_SAMPLE: Final = 500


@dataclass(frozen=True)
class Keep:
    """How much is kept. Request rows go by age and by size, sums by age and resolution."""

    requests_days: float = 30
    requests_bytes: int = 8 << 30
    """Approximate size of the request rows."""
    minutes_days: float = 3
    ten_minutes_days: float = 30
    """Of rows by series and of strata."""
    hours_days: float = 400
    """Of everything: 13 months and a little."""


@dataclass(frozen=True)
class Retained:
    """Rows deleted by one call."""

    requests: int = 0
    minutes: int = 0
    """Rows by series, a minute each."""
    ten_minutes: int = 0
    hours: int = 0
    days: int = 0
    strata: int = 0
    series: int = 0
    plans: int = 0
    cap_changes: int = 0
    bytes_given_back: int = 0
    """From an SQLite file to the file system."""


def retain(engine: Engine, keep: Keep, now: float, *, chunk: int = CHUNK, pause_s: float = PAUSE_S) -> Retained:
    """Delete what `keep` does not keep. `now` is Unix seconds. Raises `LedgerError`."""
    work = _Work(engine, chunk, pause_s)

    def minute(days: float) -> int:
        return max(0, int((now - days * _DAY_S) // 60))

    days = keep.minutes_days, keep.ten_minutes_days, keep.hours_days
    ages = tuple(minute(max(days[: at + 1])) for at in range(3))  # the coarser are kept as long as the finer
    with translated("delete old rows"):
        oldest = _first_id(now - keep.requests_days * _DAY_S)
        by_age = work.repeat(lambda connection, most: _requests_before(connection, oldest, most))
        by_size = work.repeat(_oldest_requests, most=_excess(engine, keep.requests_bytes, now))
        minutes = work.age(ROWS[0], ROWS[1], ages[0])
        ten_minutes = work.age(ROWS[1], ROWS[2], ages[1])
        hours = work.age(ROWS[2], ROWS[3], ages[2])
        days_gone = work.age(ROWS[3], None, ages[2])
        strata = work.age(STRATA[0], STRATA[1], ages[1]) + work.age(STRATA[1], None, ages[2])
        with writing(engine) as connection:
            unused = _unused(connection, ages[2])
            connection.execute(delete(spend).where(spend.c.day < ages[2] // _DAY_MINUTES))
            cap_changes = learning.forget(connection, ages[2] * 60)
        given_back = give_back(engine, pause_s)
    return Retained(by_age + by_size, minutes, ten_minutes, hours, days_gone, strata, *unused, cap_changes, given_back)


@dataclass(frozen=True)
class _Work:
    engine: Engine
    chunk: int
    pause_s: float

    def repeat(self, step: Callable[[Connection, int], int], most: int | None = None) -> int:
        """Run `step` in transactions of its own until it finds less than a chunk, or `most` rows are gone."""
        total = 0
        for _ in range(CHUNKS_MAX):
            if most is not None and total >= most:
                break
            limit = self.chunk if most is None else min(self.chunk, most - total)
            with writing(self.engine) as connection:
                done = step(connection, limit)
            total += done
            if done < limit:
                break
            time.sleep(self.pause_s)
        return total

    def age(self, level: Level, coarser: Level | None, bound: int) -> int:
        """Delete the rows of a resolution before a minute, as far as the next one has them; return how many."""
        total = 0
        for _ in range(CHUNKS_MAX):
            with writing(self.engine) as connection:
                done, more = _age(connection, level, coarser, bound, self.chunk)
            total += done
            if not more:
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


def _age(connection: Connection, level: Level, coarser: Level | None, bound: int, most: int) -> tuple[int, bool]:
    """Delete about `most` of the oldest rows before `bound`, at least a bucket; return how many, and whether more wait.

    The oldest may be older than `kept_since`: of the coarsest rows, when something came in that is older than all.
    """
    reach = resolutions.read(connection)
    unit = level.minutes if coarser is None else coarser.minutes
    if coarser is not None:
        bound = min(bound, reach[coarser.name].rolled_until or 0)
    bound = floor(bound, unit)
    kept = reach[level.name].kept_since
    table = level.all[-1]
    old = select(table.c.minute).where(table.c.minute < bound).order_by(table.c.minute, table.c.series)
    last = connection.execute(old.offset(most).limit(1)).scalar()
    until = bound
    if last is not None:
        first = connection.execute(old.limit(1)).scalar_one()
        until = min(bound, max(floor(last, unit), floor(first, unit) + unit))
    if until > kept:
        resolutions.kept(connection, level, until)
    done = [connection.execute(delete(each).where(each.c.minute < until)).rowcount for each in level.all]
    return done[-1], until < bound


def _excess(engine: Engine, bytes_max: int, now: float) -> int:
    """Return how many request rows are too many for `bytes_max`, by the mean size of the rows as stored."""
    with reading(engine) as connection:
        count = _requests(connection, now)
        if not count:
            return 0
        if connection.dialect.name == "postgresql":
            sample = f"SELECT avg(pg_column_size(r.*)) FROM (SELECT * FROM request LIMIT {_SAMPLE}) AS r"  # noqa: S608
            row_bytes = float(connection.execute(text(sample)).scalar_one()) + 40
        else:
            row_bytes = _sqlite_row_bytes(connection)
    return max(0, count - int(bytes_max / row_bytes))


def _requests(connection: Connection, now: float) -> int:
    """Count request rows by the sums since the oldest: counting the rows themselves would read all of them."""
    oldest = connection.execute(select(request.c.start_us).order_by(request.c.id).limit(1)).scalar()
    if oldest is None:
        return 0
    rows = windows.window_inside(connection, oldest // 60_000_000, int(now // 60) + _DAY_MINUTES).rows("counters")
    return int(connection.execute(select(func.sum(rows.c.n))).scalar() or 0)


def _sqlite_row_bytes(connection: Connection) -> float:
    """Estimate a stored row: numbers take about three bytes, texts their length, and each field one in the header."""
    texts = [column for column in request.columns if column.type.python_type is str]
    lengths = sum((func.length(column) for column in texts), start=func.length(request.c.id))
    sample = select(lengths.label("length")).limit(_SAMPLE).subquery()
    mean = connection.execute(select(func.avg(sample.c.length))).scalar_one()
    return float(mean) + 3.0 * (len(request.columns) - len(texts)) + len(request.columns)


def _unused(connection: Connection, bound: int) -> tuple[int, int]:
    """Delete series without rows, and plans made before the minute `bound` that no series needs."""
    starts = (connection.execute(select(func.min(level.all[-1].c.minute))).scalar() for level in (*ROWS, *STRATA))
    oldest = min((start for start in starts if start is not None), default=None)
    gone = delete(series)
    if oldest is not None:
        gone = gone.where(series.c.last_minute + SEEN_EVERY <= oldest)
    dropped_series = connection.execute(gone).rowcount
    if dropped_series:
        settings.count_up(connection, SERIES_EPOCH)
    needless = ~exists().where(series.c.plan == plan.c.hash8)
    newest = plans.newest(connection)
    unused = delete(plan).where(needless, plan.c.last_seen_us < bound * 60_000_000, plan.c.hash8 != newest)
    dropped_plans = connection.execute(unused).rowcount
    connection.execute(delete(plan_body).where(~exists().where(plan.c.body == plan_body.c.digest)))
    return dropped_series, dropped_plans
