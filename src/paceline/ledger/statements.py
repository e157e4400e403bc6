"""The bulk statements of ingest, as plain SQL with positional values for `executemany`.

Built from `schema` once per database; the only place that writes SQL as text, because compiled Core constructs cost
more per row than the database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Table

from paceline.ledger.schema import COUNTERS, ROWS, STRATA, STRATUM_COUNTERS, position, request, series, spend
from paceline.ledger.schema_rows import PACKED, RowTables, StratumTable

Mark = Literal["?", "%s"]

SERIES_NAMES: Final = ("service", "use_case", "model", "deployment", "plan")


@dataclass(frozen=True)
class RowStatements:
    """Statements on the rows by series at one resolution."""

    counters: str
    """Adds to what is there. Minute, series, then `COUNTERS`."""
    metrics: str
    """Adds the numbers and replaces the sketch."""
    limits: str
    """Adds to what is there."""
    events: str
    """Adds to what is there."""
    sketches: str
    """Series, metric and sketch of a minute's rows: minute; then `{}` for the series, as `among` writes them."""


@dataclass(frozen=True)
class StratumStatements:
    """Statements on the strata at one resolution."""

    put: str
    """Adds the counters and replaces what is packed. The table's columns."""
    packed: str
    """Series, buckets, limits and measures of a minute's strata: minute; then `{}` for the series."""


@dataclass(frozen=True)
class Statements:
    """Every statement takes tuples in the order of the columns named in its table, unless it says otherwise."""

    requests: str
    requests_copy: str
    """PostgreSQL only."""
    rows: dict[str, RowStatements]
    """By the names of `ROWS`."""
    strata: dict[str, StratumStatements]
    """By the names of `STRATA`."""
    spend: str
    """Adds to what is there."""
    series_put: str
    """Does nothing when the series is there: `SERIES_NAMES`, last minute."""
    series_get: str
    """Id and last minute of a series: `SERIES_NAMES`."""
    series_seen: str
    """Last minute, id."""
    position_get: str
    """Slot: gateway, segment, created."""
    position_put: str
    """Gateway, segment, created, slot."""


def build(mark: Mark) -> Statements:
    """Return the statements for a driver that marks values so."""
    columns = [column.name for column in request.columns]
    segment = " AND ".join(f"{name} = {mark}" for name in ("gateway", "segment", "created_us"))
    names = " AND ".join(f"{name} = {mark}" for name in SERIES_NAMES)
    return Statements(
        requests=f"{insert(request.name, columns, mark)} ON CONFLICT DO NOTHING",
        requests_copy=f"COPY {request.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)",
        rows={tables.name: _rows(tables, mark) for tables in ROWS},
        strata={strata.name: _strata(strata, mark) for strata in STRATA},
        spend=_upsert(spend, mark, adds=("nanousd",)),
        series_put=f"{insert(series.name, (*SERIES_NAMES, 'last_minute'), mark)} ON CONFLICT DO NOTHING",
        series_get=f"SELECT id, last_minute FROM series WHERE {names}",  # noqa: S608
        series_seen=f"UPDATE series SET last_minute = {mark} WHERE id = {mark}",  # noqa: S608
        position_get=f"SELECT slot FROM position WHERE {segment}",  # noqa: S608
        position_put=_upsert(position, mark, replaces=("slot",)),
    )


def among(statement: str, series: Iterable[int]) -> str:
    """Return a statement on a minute's rows for these series; numbers of our own need no mark."""
    return statement.format(", ".join(f"{number:d}" for number in series))


def _rows(tables: RowTables, mark: Mark) -> RowStatements:
    of_rows = f"WHERE minute = {mark} AND series IN ({{}})"
    return RowStatements(
        counters=_upsert(tables.counters, mark, adds=COUNTERS),
        metrics=_upsert(tables.metrics, mark, adds=("n", "n_failed", "sum"), replaces=("sketch",)),
        limits=_upsert(tables.limits, mark, adds=("n", "over_limit")),
        events=_upsert(tables.events, mark, adds=("n", "nanousd")),
        sketches=f"SELECT series, metric, sketch FROM {tables.metrics.name} {of_rows}",  # noqa: S608
    )


def _strata(strata: StratumTable, mark: Mark) -> StratumStatements:
    of_rows = f"WHERE minute = {mark} AND series IN ({{}})"
    return StratumStatements(
        put=_upsert(strata.table, mark, adds=STRATUM_COUNTERS, replaces=PACKED),
        packed=f"SELECT series, input_bucket, output_bucket, limits, measures FROM {strata.name} {of_rows}",  # noqa: S608
    )


def insert(table: str, columns: Sequence[str], mark: Mark) -> str:
    """Return the statement that inserts rows of these columns."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608


def _upsert(table: Table, mark: Mark, adds: Sequence[str] = (), replaces: Sequence[str] = ()) -> str:
    keys = ", ".join(column.name for column in table.primary_key.columns)
    sets = [f"{name} = {table.name}.{name} + excluded.{name}" for name in adds]
    sets += [f"{name} = excluded.{name}" for name in replaces]
    columns = [column.name for column in table.columns]
    return f"{insert(table.name, columns, mark)} ON CONFLICT ({keys}) DO UPDATE SET {', '.join(sets)}"
