"""A window of time over the ledger's rows, whatever resolutions they are kept at. Reads only.

Every reader of rows goes through here: `window` says which rows make the window up, each request in exactly one of
them, and `Window.rows` hands them out as one table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, Subquery, false, func, select, union_all

from paceline.ledger import resolutions
from paceline.ledger.resolutions import Level, Reach, ceil, floor
from paceline.ledger.schema_rows import ROWS
from paceline.ledger.schema_rows import series as series_table

Kind = Literal["counters", "metrics", "limits", "events"]

_SOUGHT_MAX: Final = 2_000
"""Rows of time that are named one by one; of more, the range is read."""


@dataclass(frozen=True)
class Part:
    """Rows of one resolution whose time begins from `since` up to and without `until`, minutes since 1970."""

    level: Level
    since: int
    until: int


@dataclass(frozen=True)
class Window:
    """A span of whole minutes since 1970 and the rows that make it up."""

    since: int
    until: int
    parts: tuple[Part, ...]

    def rows(self, kind: Kind, series: Collection[int] | None = None) -> Subquery:
        """Return every row of a kind by series as one table, with the columns that all resolutions share.

        With `series` only theirs: their rows are then sought one by one, not found among everybody's.
        """
        pieces = [_piece(getattr(part.level, kind), part, series) for part in self.parts]
        if not pieces:
            return select(getattr(ROWS[0], kind)).where(false()).subquery(kind)
        return (union_all(*pieces) if len(pieces) > 1 else pieces[0]).subquery(kind)

    def sums(
        self,
        kind: Kind,
        group: Sequence[str],
        of: Sequence[str],
        names: Sequence[str],
        series: Collection[int] | None = None,
    ) -> Select[Any]:
        """Return the query of sums of the columns `names`, by `group` of the series' columns and `of` of the rows'.

        Rows are added up by series first: names are compared of few, not of all. `series` as of `rows`.
        """
        rows = self.rows(kind, series)
        keys = [rows.c.series, *(rows.c[name] for name in of)]
        few = select(*keys, *(func.sum(rows.c[name]).label(name) for name in names)).group_by(*keys).subquery("few")
        columns = [*(series_table.c[name] for name in group), *(few.c[name] for name in of)]
        query = select(*columns, *(func.sum(few.c[name]) for name in names))
        return query.select_from(few.join(series_table, series_table.c.id == few.c.series)).group_by(*columns)


def window(
    connection: Connection, since: int, until: int, *, levels: Sequence[Level] = ROWS, finest: int | None = None
) -> Window:
    """Return how to read from minute `since` up to and without `until` within the caller's transaction.

    Rows are as coarse as they can be, since sums are the same and fewer, unless `finest` asks for rows of at most so
    many minutes where they are kept. Where only coarser rows are left, the window is widened to them.
    """
    reach = resolutions.read(connection)
    first = floor(since, _minutes_at(since, levels, reach))
    end = ceil(until, _minutes_at(until - 1, levels, reach))
    return _window(first, end, _usable(levels, reach, finest))


def window_inside(connection: Connection, since: int, until: int, *, finest: int | None = None) -> Window:
    """Return how to read rows by series that reach out of the window at neither end; it is narrowed to them.

    `finest` as of `window`.
    """
    reach = resolutions.read(connection)
    first = ceil(since, _minutes_at(since, ROWS, reach))
    end = floor(until, _minutes_at(until - 1, ROWS, reach))
    return _window(first, end, _usable(ROWS, reach, finest))


def _window(first: int, end: int, usable: Sequence[tuple[Level, int]]) -> Window:
    return Window(first, end, tuple(_cover(first, end, usable))) if first < end else Window(first, first, ())


def _piece(table: Any, part: Part, series: Collection[int] | None = None) -> Select[Any]:
    query = select(table).where(table.c.minute >= part.since, table.c.minute < part.until)
    if series is None:
        return query
    # The key begins with the minute: a range of them reads all series, a list of them seeks each row wanted.
    minutes = range(part.since, part.until, part.level.minutes)
    sought = query.where(table.c.minute.in_(minutes)) if len(minutes) <= _SOUGHT_MAX else query
    return sought.where(table.c.series.in_(series))


def _minutes_at(minute: int, levels: Sequence[Level], reach: Mapping[str, Reach]) -> int:
    """Return how many minutes the finest rows cover that are kept there."""
    return next((level.minutes for level in levels if minute >= reach[level.name].kept_since), levels[-1].minutes)


def _usable(levels: Sequence[Level], reach: Mapping[str, Reach], finest: int | None) -> list[tuple[Level, int]]:
    """Return the levels, coarsest first, each with the minute up to which its rows are to be used."""
    usable: list[tuple[Level, int]] = []
    for at, level in enumerate(levels):
        until = reach[level.name].rolled_until
        if at and finest is not None and level.minutes > finest:  # only where the next finer ones are gone
            until = reach[levels[at - 1].name].kept_since
        usable.append((level, 1 << 62 if until is None else until))
    return usable[::-1]


def _cover(since: int, until: int, usable: Sequence[tuple[Level, int]]) -> Iterator[Part]:
    """Yield parts that make up the window: whole rows of the coarsest level, the edges from finer ones."""
    (level, end), *finer = usable
    if not finer:
        yield Part(level, since, until)
        return
    first, last = ceil(since, level.minutes), floor(min(until, end), level.minutes)
    if first >= last:
        yield from _cover(since, until, finer)
        return
    if since < first:
        yield from _cover(since, first, finer)
    yield Part(level, first, last)
    if last < until:
        yield from _cover(last, until, finer)
