"""Strata of requests that came in before the ledger had strata: counted from the request rows that are still there.

Owns the setting `strata_since`, which the migration writes where there are request rows: strata hold everything from
that minute on. Hours are counted backwards from it, one a step, each step a transaction that replaces what strata the
hour has and moves the setting; late requests have rows too, so nothing is lost or counted twice. It ends with the
oldest request row, and the setting goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select

from paceline.ledger import resolutions, settings, statements, strata
from paceline.ledger.engine import writing
from paceline.ledger.errors import translated
from paceline.ledger.resolutions import ceil, floor
from paceline.ledger.schema import ROWS, STRATA, request, setting
from paceline.ledger.statements import Mark

STRATA_SINCE: Final = "strata_since"
_HOUR: Final = 60
_ROWS: Final = 5_000
# Ids begin with the milliseconds of the start, which a clock that is set back may leave a little behind it.
_MARGIN_MS: Final = 60_000


def step(engine: Engine) -> bool:
    """Count the next hour; False when there is none. Raises `LedgerError`."""
    with translated("count strata of older requests"):
        with engine.connect() as connection:
            if settings.read(connection, STRATA_SINCE) is None:
                return False
        with writing(engine) as connection:
            since = int(settings.read(connection, STRATA_SINCE) or "0")
            oldest = _oldest(connection)
            if oldest is None or since <= oldest:
                connection.execute(delete(setting).where(setting.c.name == STRATA_SINCE))
                return False
            _count(connection, since - _HOUR)
            settings.write(connection, STRATA_SINCE, str(since - _HOUR))
    return True


def _oldest(connection: Connection) -> int | None:
    """Return the first hour of which every request row is there; None without request rows."""
    first = connection.execute(select(request.c.start_us).order_by(request.c.id).limit(1)).scalar()
    if first is None:
        return None
    minute = first // 60_000_000
    sums = (connection.execute(select(func.min(level.counters.c.minute))).scalar() for level in ROWS)
    is_whole = all(oldest is None or oldest >= floor(minute, _HOUR) for oldest in sums)
    return floor(minute, _HOUR) if is_whole else ceil(minute, _HOUR)


def _count(connection: Connection, hour: int) -> None:
    reach = resolutions.read(connection)
    ids: dict[tuple[str, ...], int] = {}
    pieces = (row for rows in _requests(connection, hour) for row in _strata(connection, rows, hour, ids))
    tens = list(strata.merged(pieces, STRATA[0].minutes))
    mark: Mark = "%s" if connection.dialect.name == "postgresql" else "?"
    for level in STRATA:
        if not reach[level.name].is_rolled(hour) or hour < reach[level.name].kept_since:
            continue
        table = level.table
        connection.execute(delete(table).where(table.c.minute >= hour, table.c.minute < hour + _HOUR))
        rows = tens if level is STRATA[0] else list(strata.merged(tens, level.minutes))
        if rows:
            names = [column.name for column in table.columns]
            connection.exec_driver_sql(statements.insert(table.name, names, mark), rows)


def _requests(connection: Connection, hour: int) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the request rows of an hour, some at a time."""
    from paceline import _core

    columns = [request.c[name] for name in _core.STRATUM_REQUEST_COLUMNS]
    low, high = (_id(minute * 60_000 + margin) for minute, margin in ((hour, -_MARGIN_MS), (hour + _HOUR, _MARGIN_MS)))
    query = select(*columns).where(
        *(request.c.id >= low, request.c.id < high),
        *(request.c.start_us >= hour * 60_000_000, request.c.start_us < (hour + _HOUR) * 60_000_000),
    )
    found = connection.execute(query.execution_options(yield_per=_ROWS))
    for rows in found.partitions():
        yield [tuple(row) for row in rows]


def _id(ms: int) -> bytes:
    return max(0, ms).to_bytes(6, "big") + bytes(10)


def _strata(
    connection: Connection, requests: list[tuple[Any, ...]], hour: int, ids: dict[tuple[str, ...], int]
) -> Iterator[tuple[Any, ...]]:
    """Yield what some requests count to, with the ids of their series."""
    from paceline import _core

    names, rows = _core.strata(requests)
    for one in names:
        if one not in ids:
            ids[one] = _series(connection, one, hour)
    for series, *rest in rows:
        yield rest[0], ids[names[series]], *rest[1:]  # type: ignore[index]


def _series(connection: Connection, names: tuple[str, ...], hour: int) -> int:
    sql = statements.build("%s" if connection.dialect.name == "postgresql" else "?")
    connection.exec_driver_sql(sql.series_put, (*names, hour + _HOUR))
    return int(connection.exec_driver_sql(sql.series_get, names).one()[0])
