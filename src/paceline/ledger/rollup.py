"""Rolls rows up: minutes to ten minutes to hours to days (UTC), strata of ten minutes to hours.

Every bucket once, in the order of time, as soon as it lies `SETTLE_MINUTES` back; what comes in later is ingest's
affair (see `resolutions`). A step is one transaction under the write lock that adds a bounded number of rows up and
moves `rolled_until` past them: a crash leaves a step done or not begun, a second process finds it done.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select

from paceline.ledger import backfill, resolutions, statements, strata
from paceline.ledger.engine import writing
from paceline.ledger.errors import translated
from paceline.ledger.heap import Heap
from paceline.ledger.resolutions import Level, Reach, floor
from paceline.ledger.schema_rows import ROWS, STRATA, RowTables, StratumTable

SETTLE_MINUTES: Final = 15
"""How long after its end a bucket is rolled up: by then nearly all requests that began in it have come in."""
STEP_ROWS: Final = 3_000
"""Fine rows, each of one series or stratum, that one step adds up; at least one bucket."""
STEPS_MAX: Final = 50
"""Steps of one call, so that it ends in good time where much is to be caught up with."""

_CHAIN: Final[tuple[tuple[Level, Level], ...]] = (
    (ROWS[0], ROWS[1]),
    (ROWS[1], ROWS[2]),
    (ROWS[2], ROWS[3]),
    (STRATA[0], STRATA[1]),
)


@dataclass(frozen=True)
class RolledUp:
    """What one call did."""

    steps: int = 0
    """Transactions that added rows up."""
    behind: bool = False
    """True when the call ended at its bound and there is more to do."""


def roll_up(engine: Engine, now: float, *, step_rows: int = STEP_ROWS, steps_max: int = STEPS_MAX) -> RolledUp:
    """Roll up everything that is due, then count strata of older requests. `now` is Unix seconds.

    Raises `LedgerError`.
    """
    settled = int(now // 60) - SETTLE_MINUTES
    steps = 0
    for fine, coarse in _CHAIN:
        while True:
            with translated("roll rows up"):
                done = _step(engine, fine, coarse, settled, step_rows)
            if not done:
                break
            steps += 1
            if steps >= steps_max:
                return RolledUp(steps, behind=True)
    while backfill.step(engine):
        steps += 1
        if steps >= steps_max:
            return RolledUp(steps, behind=True)
    return RolledUp(steps)


def _step(engine: Engine, fine: Level, coarse: Level, settled: int, step_rows: int) -> bool:
    """Roll the next rows up; False when nothing is left that is due."""
    with engine.connect() as connection:  # mostly there is nothing to do, and no lock to be had for that
        if _due(resolutions.read(connection), fine, coarse, settled) is None:
            return False
    with writing(engine) as connection:
        due = _due(resolutions.read(connection), fine, coarse, settled)
        if due is None:
            return False
        since, until = _next(connection, fine, coarse, due, step_rows)
        if since < until:
            _roll(connection, fine, coarse, since, until)
        resolutions.rolled(connection, coarse, until)
    return since < until


def _due(reach: dict[str, Reach], fine: Level, coarse: Level, settled: int) -> tuple[int, int] | None:
    """Return from where on and up to where the coarse rows are due; None where they reach that far already."""
    whole = reach[fine.name].rolled_until
    until = floor(settled if whole is None else min(settled, whole), coarse.minutes)
    since = reach[coarse.name].rolled_until or 0
    return (since, until) if since < until else None


def _next(connection: Connection, fine: Level, coarse: Level, due: tuple[int, int], step_rows: int) -> tuple[int, int]:
    """Return the piece of what is due that begins with the next fine row; an empty one at the end if there is none."""
    since, until = due
    table = _key_table(fine)
    at = select(table.c.minute).where(table.c.minute >= since, table.c.minute < until)
    at = at.order_by(table.c.minute, table.c.series)
    first = connection.execute(at.limit(1)).scalar()
    if first is None:
        return until, until
    first = floor(first, coarse.minutes)
    last = connection.execute(at.offset(step_rows).limit(1)).scalar()
    return first, until if last is None else max(first + coarse.minutes, floor(last, coarse.minutes))


def _key_table(level: Level) -> Table:
    return level.all[-1]


def _roll(connection: Connection, fine: Level, coarse: Level, since: int, until: int) -> None:
    for table in coarse.all:  # nothing is there; but if ever anything were, it must not count twice
        connection.execute(delete(table).where(table.c.minute >= since, table.c.minute < until))
    if isinstance(fine, StratumTable):
        assert isinstance(coarse, StratumTable)  # noqa: S101  # the chain above says so
        _roll_strata(connection, fine, coarse, since, until)
    else:
        assert isinstance(coarse, RowTables)  # noqa: S101
        for kind in ("counters", "limits", "events"):
            _add_up(connection, getattr(fine, kind), getattr(coarse, kind), coarse.minutes, (since, until))
        _roll_metrics(connection, fine, coarse, since, until)


def _add_up(connection: Connection, fine: Table, coarse: Table, minutes: int, span: tuple[int, int]) -> None:
    """Add counters up within the database."""
    key = [column.name for column in coarse.primary_key.columns]
    sums = [column.name for column in coarse.columns if column.name not in key]
    bucket = (fine.c.minute - fine.c.minute % minutes).label("minute")
    names = [fine.c[name] for name in key[1:]]
    query = (
        select(bucket, *names, *(func.sum(fine.c[name]) for name in sums))
        .where(fine.c.minute >= span[0], fine.c.minute < span[1])
        .group_by(bucket, *names)
    )
    connection.execute(insert(coarse).from_select([*key, *sums], query))


def _roll_metrics(connection: Connection, fine: RowTables, coarse: RowTables, since: int, until: int) -> None:
    table = fine.metrics
    heaps: dict[tuple[int, int, str], Heap] = defaultdict(Heap)
    within = select(table).where(table.c.minute >= since, table.c.minute < until)
    for row in connection.execute(within):
        heaps[floor(row.minute, coarse.minutes), row.series, row.metric].add(row.n, row.n_failed, row.sum, row.sketch)
    names = [column.name for column in table.columns]
    _insert(
        connection,
        coarse.metrics,
        names,
        [(*key, heap.n, heap.n_failed, heap.total, heap.merged()) for key, heap in sorted(heaps.items())],
    )


def _roll_strata(connection: Connection, fine: StratumTable, coarse: StratumTable, since: int, until: int) -> None:
    table = fine.table
    within = select(table).where(table.c.minute >= since, table.c.minute < until)
    rows = list(strata.merged(connection.execute(within), coarse.minutes))
    _insert(connection, coarse.table, [column.name for column in table.columns], rows)


def _insert(connection: Connection, table: Table, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    """Insert rows as the driver takes them: a dictionary each would cost more than the database does."""
    if rows:
        mark: statements.Mark = "%s" if connection.dialect.name == "postgresql" else "?"
        connection.exec_driver_sql(statements.insert(table.name, names, mark), rows)
