"""Adds the sums of a folded piece to the ledger's rows, at every resolution that they belong to.

Runs within ingest's transaction. Mostly that is minutes and strata of ten minutes; what comes in late is added to the
coarser rows as well, since its bucket was rolled up before (see `resolutions`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from paceline.ledger import resolutions
from paceline.ledger.resolutions import Level, Reach, floor
from paceline.ledger.schema_rows import ROWS, STRATA
from paceline.ledger.statements import RowStatements, Statements, StratumStatements, among

if TYPE_CHECKING:
    from paceline._core import Folded

Place = Callable[[int], int | None]
"""From the minute of a fold's row to that of the row it is added to; None where it is added to none."""
_Row = tuple[Any, ...]
# Series named in one statement.
_SERIES: Final = 500


def put_sums(
    connection: Connection, sql: Statements, piece: Folded, ids: Sequence[int], reach: Mapping[str, Reach]
) -> None:
    """Add the sums of a piece; `ids` are those of its series."""
    for tables in ROWS:
        _put_rows(connection, sql.rows[tables.name], piece, ids, _place(tables, ROWS, reach))
    for strata in STRATA:
        rows = _placed(piece.strata, ids, _place(strata, STRATA, reach))
        _put_strata(connection, sql.strata[strata.name], rows)


def _place(level: Level, levels: Sequence[Level], reach: Mapping[str, Reach]) -> Place:
    def place(minute: int) -> int | None:
        taken = resolutions.takes(level, levels, reach, minute)
        return floor(minute, level.minutes) if taken else None

    return place


def _placed(rows: Iterable[_Row], ids: Sequence[int], place: Place) -> list[_Row]:
    """Turn a fold's rows of series and minute into a table's of minute and series; drop those without a place."""
    return [(at, ids[series], *rest) for series, minute, *rest in rows if (at := place(minute)) is not None]


def _put_rows(connection: Connection, sql: RowStatements, piece: Folded, ids: Sequence[int], place: Place) -> None:
    counters = _placed(piece.minutes, ids, place)
    if not counters:
        return
    connection.exec_driver_sql(sql.counters, counters)
    stored: dict[_Row, dict[str, bytes]] = {row[:2]: {} for row in counters}
    for minute, series, metric, sketch in _stored(connection, sql.sketches, counters):
        stored[minute, series][metric] = bytes(sketch)
    metrics = _merged_metrics(_placed(piece.metrics, ids, place), stored)
    for statement, rows in (
        (sql.metrics, metrics),
        (sql.limits, _placed(piece.limits, ids, place)),
        (sql.events, _placed(piece.events, ids, place)),
    ):
        if rows:
            connection.exec_driver_sql(statement, rows)


def _stored(connection: Connection, statement: str, rows: Iterable[_Row]) -> Iterator[_Row]:
    """Yield what is stored of these rows' minutes and series, some series at a time; the minute comes first."""
    by_minute: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        by_minute[row[0]].add(row[1])
    for minute, series in by_minute.items():
        left = sorted(series)
        while left:
            some, left = left[:_SERIES], left[_SERIES:]
            for row in connection.exec_driver_sql(among(statement, some), (minute,)):
                yield (minute, *row)


def _merged_metrics(rows: Iterable[_Row], stored: dict[_Row, dict[str, bytes]]) -> list[_Row]:
    """Put in each row's place of the sketch what is to be stored: with what is there, and with the rows before it."""
    from paceline import _core

    merged = []
    for minute, series, metric, n, n_failed, total, sketch in rows:
        there = stored[minute, series]
        before = there.get(metric)
        there[metric] = sketch if before is None else _core.merge([before, sketch])
        merged.append((minute, series, metric, n, n_failed, total, there[metric]))
    return merged


def _put_strata(connection: Connection, sql: StratumStatements, rows: list[_Row]) -> None:
    from paceline import _core

    if not rows:
        return
    stored: dict[_Row, tuple[bytes, bytes]] = {}
    for row in _stored(connection, sql.packed, rows):
        stored[row[:4]] = (bytes(row[4]), bytes(row[5]))
    merged = []
    for row in rows:
        key, counters, limits, measures = row[:4], row[4:-2], row[-2], row[-1]
        if (before := stored.get(key)) is not None:
            limits = _core.merge_limits([before[0], limits])
            measures = _core.merge_measures([before[1], measures])
        stored[key] = (limits, measures)
        merged.append((*key, *counters, limits, measures))
    connection.exec_driver_sql(sql.put, merged)
