"""Reads sums back for whoever judges them: counts, limits, sketches, strata, in pieces of time of a chosen length.

Knows windows and groups; what the figures mean is the reader's affair. Where rows of the asked-for resolution are gone,
coarser ones come in their place, and say so in `minutes`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    Subquery,
    func,
    literal,
    literal_column,
    select,
)

from paceline.ledger import strata as strata_of
from paceline.ledger import windows
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.figures import Count, LimitRow, MetricSketch, Stratum
from paceline.ledger.heap import Heap
from paceline.ledger.resolutions import Level, ceil, floor
from paceline.ledger.schema_rows import COUNTERS, ROWS, STRATA, StratumTable, series
from paceline.ledger.windows import Kind, Part, Window

Name = Literal["service", "use_case", "model", "deployment", "plan"]
Resolution = Literal[1, 10, 60]
Only = Mapping[Name, str]

NAMES: Final[tuple[Name, ...]] = ("service", "use_case", "model", "deployment", "plan")
_ROWS: Final = 2_000
_SEEN_MINUTES: Final = 1_440
"""A series has rows for at most so long after its `last_minute`."""


class Reading:
    """Sums in a span of Unix seconds, widened to whole pieces of time, oldest first."""

    def __init__(self, engine: Engine, since: float, until: float, resolution: Resolution, only: Only | None) -> None:
        self._engine = engine
        self._minutes = resolution
        self._since = floor(int(since // 60), resolution)
        self._until = ceil(-int(-until // 60), resolution)
        self._only = dict(only or {})

    def counts(self, group: Sequence[Name]) -> list[Count]:
        """Return exact counts by group. Raises `LedgerError`."""
        with translated("read counts"), reading(self._engine) as connection:
            window = self._window(connection, ROWS)
            rows = window.rows("counters", self._series(connection))
            query = self._grouped(rows, group, ()).add_columns(*(func.sum(rows.c[name]) for name in COUNTERS))
            return [
                Count(row[0], self._covers(window, row[0]), *row[1:6], *map(int, row[6:]))
                for row in connection.execute(query)
            ]

    def limits(self, group: Sequence[Name]) -> list[LimitRow]:
        """Return exact counts against limits by group. Raises `LedgerError`."""
        with translated("read limits"), reading(self._engine) as connection:
            window = self._window(connection, ROWS)
            rows = window.rows("limits", self._series(connection))
            query = self._grouped(rows, group, ("metric", "percentile"))
            query = query.add_columns(func.sum(rows.c.n), func.sum(rows.c.over_limit))
            return [
                LimitRow._make((row[0], self._covers(window, row[0]), *row[1:8], int(row[8]), int(row[9])))
                for row in connection.execute(query)
            ]

    def limit_totals(self, group: Sequence[Name]) -> dict[tuple[str, ...], tuple[int, int]]:
        """Return by group, metric and percentile the requests judged and those over, of the whole span.

        Rows are as coarse as they can be. Raises `LedgerError`.
        """
        return self._totals("limits", group, ("metric", "percentile"), ("n", "over_limit"))

    def events(self, group: Sequence[Name]) -> dict[tuple[str, ...], dict[str, tuple[int, int]]]:
        """Return by group and event how often it happened in the whole span, and nano-USD. Raises `LedgerError`."""
        found: dict[tuple[str, ...], dict[str, tuple[int, int]]] = {}
        for (*names, event), sums in self._totals("events", group, ("event",), ("n", "nanousd")).items():
            found.setdefault(tuple(names), {})[event] = sums
        return found

    def _totals(
        self, kind: Kind, group: Sequence[Name], of: Sequence[str], sums: Sequence[str]
    ) -> dict[tuple[str, ...], tuple[int, int]]:
        with translated(f"add {kind} up"), reading(self._engine) as connection:
            window = windows.window(connection, self._since, self._until)
            query = self._matching(window.sums(kind, group, of, sums, self._series(connection)))
            return {tuple(row[:-2]): (int(row[-2]), int(row[-1])) for row in connection.execute(query)}

    def metrics(self, names: Sequence[str], group: Sequence[Name]) -> list[MetricSketch]:
        """Return the sketches of metrics by group. Raises `LedgerError`."""
        heaps: defaultdict[tuple[Any, ...], Heap] = defaultdict(Heap)
        with translated("read metrics"), reading(self._engine) as connection:
            window = self._window(connection, ROWS)
            rows = window.rows("metrics", self._series(connection))
            whose = {row[0]: tuple(row[1:]) for row in connection.execute(self._matching(select(*_names(group)))).all()}
            columns = [rows.c[name] for name in ("series", "metric", "n", "n_failed", "sum", "sketch")]
            query = select(self._piece(rows), *columns).where(rows.c.metric.in_(names))
            for minute, number, metric, *row in connection.execute(query.execution_options(yield_per=_ROWS)):
                heaps[minute, whose[number], metric].add(*row)
        made = (
            (minute, self._covers(window, minute), *group, metric, heap.n, heap.n_failed, heap.total, heap.merged())
            for (minute, group, metric), heap in heaps.items()
        )
        return sorted(map(MetricSketch._make, made), key=lambda row: _sortable((row.minute, *row[2:8])))

    def strata(self) -> Iterator[Stratum]:
        """Yield strata, a bucket of time after the other. Raises `LedgerError`."""
        with translated("read strata"), reading(self._engine) as connection:
            columns = [series.c.id, *(series.c[name] for name in NAMES)]
            known = {number: names for number, *names in connection.execute(self._matching(select(*columns)))}
            if not known:
                return
            for part in self._window(connection, STRATA).parts:
                minutes = max(self._minutes, part.level.minutes)
                rows = self._stratum_rows(connection, part)
                for row in rows if minutes == part.level.minutes else strata_of.merged(rows, minutes):
                    yield Stratum(row[0], minutes, *known[row[1]], *row[2:])

    def _stratum_rows(self, connection: Connection, part: Part) -> Iterator[tuple[Any, ...]]:
        assert isinstance(part.level, StratumTable)  # noqa: S101  # the window was asked for over these
        table = part.level.table
        query = select(table).where(table.c.minute >= part.since, table.c.minute < part.until)
        query = query.order_by(*list(table.primary_key.columns)).execution_options(yield_per=_ROWS)
        if self._only:
            query = query.where(table.c.series.in_(self._matching(select(series.c.id))))
        for row in connection.execute(query):
            yield tuple(row)

    def _window(self, connection: Connection, levels: Sequence[Level]) -> Window:
        return windows.window(connection, self._since, self._until, levels=levels, finest=self._minutes)

    def _series(self, connection: Connection) -> list[int] | None:
        """Return the series of the names asked for that may have rows in the span; None for all of them."""
        if not self._only:
            return None
        recent = series.c.last_minute >= self._since - _SEEN_MINUTES
        return list(connection.execute(self._matching(select(series.c.id)).where(recent)).scalars())

    def _covers(self, window: Window, minute: int) -> int:
        """Return how many minutes a row covers that begins at this minute."""
        level = next((part.level.minutes for part in window.parts if part.since <= minute < part.until), 0)
        return max(self._minutes, level)

    def _keys(self, rows: Subquery, group: Sequence[Name]) -> list[Any]:
        return [self._piece(rows).label("piece"), *_names(group)[1:]]

    def _piece(self, rows: Subquery) -> ColumnElement[int]:
        # Written out, not bound: PostgreSQL does not know two bound values to be the same column.
        return rows.c.minute - rows.c.minute % literal_column(f"{self._minutes:d}", Integer)

    def _grouped(self, rows: Subquery, group: Sequence[Name], of: Sequence[str]) -> Select[Any]:
        columns = [self._piece(rows), *(series.c[name] for name in group)]
        further = [rows.c[name] for name in of]
        keys = self._chosen(select(*self._keys(rows, group), *further), rows)
        return keys.group_by(*columns, *further).order_by(*columns, *further)

    def _chosen(self, query: Select[Any], rows: Subquery) -> Select[Any]:
        return self._matching(query.select_from(rows.join(series, series.c.id == rows.c.series)))

    def _matching(self, query: Select[Any]) -> Select[Any]:
        return query.where(*(series.c[name] == value for name, value in self._only.items()))


def _names(group: Sequence[Name]) -> list[Any]:
    """Return the columns of a series: its number, then each name of it, none where it is not in the group."""
    return [series.c.id, *(series.c[name] if name in group else literal(None).label(name) for name in NAMES)]


def _sortable(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple("" if part is None else part for part in key)
