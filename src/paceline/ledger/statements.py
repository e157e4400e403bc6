"""The bulk statements of ingest, as plain SQL with positional values for `executemany`.

Built from `schema` once per database; the only place that writes SQL as text, because compiled Core constructs cost
more per row than the database does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Table

from paceline.ledger.schema import (
    COUNTERS,
    minute,
    minute_event,
    minute_limit,
    minute_metric,
    position,
    request,
    series,
    spend,
)

Mark = Literal["?", "%s"]

SERIES_NAMES: Final = ("service", "use_case", "model", "deployment", "plan")


@dataclass(frozen=True)
class Statements:
    """Every statement takes tuples in the order of the columns named in its table, unless it says otherwise."""

    requests: str
    requests_copy: str
    """PostgreSQL only."""
    minutes: str
    """Adds to what is there. Minute, series, then `COUNTERS`."""
    metrics: str
    """Adds the numbers and replaces the sketch."""
    limits: str
    """Adds to what is there."""
    events: str
    """Adds to what is there."""
    spend: str
    """Adds to what is there."""
    sketches: str
    """Metric and sketch of one minute row: minute, series."""
    series_put: str
    """Does nothing when the series is there: `SERIES_NAMES`."""
    series_get: str
    """Id of a series: `SERIES_NAMES`."""
    position_get: str
    """Slot: gateway, segment, created."""
    position_put: str
    """Gateway, segment, created, slot."""


def build(mark: Mark) -> Statements:
    """Return the statements for a driver that marks values so."""
    columns = [column.name for column in request.columns]
    metrics = _upsert(minute_metric, mark, adds=("n", "n_failed", "sum"), replaces=("sketch",))
    segment = " AND ".join(f"{name} = {mark}" for name in ("gateway", "segment", "created_us"))
    names = " AND ".join(f"{name} = {mark}" for name in SERIES_NAMES)
    return Statements(
        requests=f"{_insert(request.name, columns, mark)} ON CONFLICT DO NOTHING",
        requests_copy=f"COPY {request.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)",
        minutes=_upsert(minute, mark, adds=COUNTERS),
        metrics=metrics,
        limits=_upsert(minute_limit, mark, adds=("n", "over_limit")),
        events=_upsert(minute_event, mark, adds=("n", "nanousd")),
        spend=_upsert(spend, mark, adds=("nanousd",)),
        sketches=f"SELECT metric, sketch FROM minute_metric WHERE minute = {mark} AND series = {mark}",  # noqa: S608
        series_put=f"{_insert(series.name, SERIES_NAMES, mark)} ON CONFLICT DO NOTHING",
        series_get=f"SELECT id FROM series WHERE {names}",  # noqa: S608
        position_get=f"SELECT slot FROM position WHERE {segment}",  # noqa: S608
        position_put=_upsert(position, mark, replaces=("slot",)),
    )


def _insert(table: str, columns: Sequence[str], mark: Mark) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608


def _upsert(table: Table, mark: Mark, adds: Sequence[str] = (), replaces: Sequence[str] = ()) -> str:
    keys = ", ".join(column.name for column in table.primary_key.columns)
    sets = [f"{name} = {table.name}.{name} + excluded.{name}" for name in adds]
    sets += [f"{name} = excluded.{name}" for name in replaces]
    columns = [column.name for column in table.columns]
    return f"{_insert(table.name, columns, mark)} ON CONFLICT ({keys}) DO UPDATE SET {', '.join(sets)}"
