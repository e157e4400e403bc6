"""Sums of whole spans, one row a group: what looks over all services read. In the database, without sketches.

A span of Unix seconds is narrowed to the rows that lie within it, so nothing before or after it is counted. Groups are
tuples of the names asked for. What a look costs is the rows of the span: coarse ones wherever they fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Integer, Select, func, literal_column, select

from paceline.ledger import windows
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.schema import request, series, spend
from paceline.ledger.spending import day_number
from paceline.ledger.sums import GroupName
from paceline.ledger.windows import Kind

__all__ = ["Group", "KeyUse", "Piece", "Totals"]

Group = tuple[str, ...]

_SERVICES: Final[tuple[GroupName, ...]] = ("service", "use_case")
_HOUR: Final = 60


class KeyUse(NamedTuple):
    """Requests of a sample that a key made for a service."""

    key: str
    service: str
    n: int


class Piece(NamedTuple):
    """Requests that a limit judged in one piece of time, and of them those over it."""

    minute: int
    n: int
    over: int


class Totals:
    """Exact sums over spans of time. Every method raises `LedgerError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counters(
        self,
        since: float,
        until: float,
        names: Sequence[str],
        group: Sequence[GroupName] = _SERVICES,
        *,
        service: str | None = None,
    ) -> dict[Group, tuple[int, ...]]:
        """Return these counters, in their order, by group; with `service` only that one's."""
        with translated("add counts up"), reading(self._engine) as connection:
            query = _summed(connection, "counters", (since, until), group, (), names, service)
            return {tuple(row[: len(group)]): tuple(map(int, row[len(group) :])) for row in connection.execute(query)}

    def events(
        self, since: float, until: float, group: Sequence[GroupName] = _SERVICES, *, service: str | None = None
    ) -> dict[Group, dict[str, tuple[int, int]]]:
        """Return by group and event how often it happened, and the money it stands for in nano-USD."""
        found: defaultdict[Group, dict[str, tuple[int, int]]] = defaultdict(dict)
        with translated("add events up"), reading(self._engine) as connection:
            query = _summed(connection, "events", (since, until), group, ("event",), ("n", "nanousd"), service)
            for *names, event, n, nanousd in connection.execute(query):
                found[tuple(names)][event] = (int(n), int(nanousd))
        return dict(found)

    def limits(
        self, since: float, until: float, group: Sequence[GroupName] = _SERVICES, *, service: str | None = None
    ) -> dict[Group, dict[tuple[str, str], tuple[int, int]]]:
        """Return by group and limit (metric, percentile) the requests judged, and of them those over."""
        found: defaultdict[Group, dict[tuple[str, str], tuple[int, int]]] = defaultdict(dict)
        with translated("add limits up"), reading(self._engine) as connection:
            of = ("metric", "percentile")
            query = _summed(connection, "limits", (since, until), group, of, ("n", "over_limit"), service)
            for *names, metric, percentile, n, over in connection.execute(query):
                found[tuple(names)][metric, percentile] = (int(n), int(over))
        return dict(found)

    def course(
        self, since: float, until: float, limit: tuple[str, str], group: Sequence[GroupName]
    ) -> dict[Group, list[Piece]]:
        """Return how one limit (metric, percentile) went, by group: in pieces of an hour at most."""
        found: defaultdict[Group, list[Piece]] = defaultdict(list)
        with translated("read a limit"), reading(self._engine) as connection:
            rows = windows.window_inside(connection, *_minutes(since, until), finest=_HOUR).rows("limits")
            columns = [*(series.c[name] for name in group), rows.c.minute]
            query = select(*columns, func.sum(rows.c.n), func.sum(rows.c.over_limit))
            query = query.select_from(rows.join(series, series.c.id == rows.c.series))
            query = query.where(rows.c.metric == limit[0], rows.c.percentile == limit[1])
            for *names, minute, n, over in connection.execute(query.group_by(*columns).order_by(rows.c.minute)):
                found[tuple(names)].append(Piece(minute, int(n), int(over)))
        return dict(found)

    def hours(
        self,
        since: float,
        until: float,
        names: Sequence[str],
        group: Sequence[GroupName] = ("service",),
        of_day: Collection[int] = range(24),
    ) -> dict[Group, dict[int, tuple[int, ...]]]:
        """Return counters by group and whole hour since 1970, of these hours of the day (UTC); none without traffic."""
        found: defaultdict[Group, dict[int, tuple[int, ...]]] = defaultdict(dict)
        with translated("add hours up"), reading(self._engine) as connection:
            rows = windows.window_inside(connection, *_minutes(since, until), finest=_HOUR).rows("counters")
            # Written out, not bound: PostgreSQL does not know two bound values to be the same column.
            start = rows.c.minute - rows.c.minute % literal_column(f"{_HOUR:d}", Integer)
            columns = [*(series.c[name] for name in group), start]
            query = select(*columns, *(func.sum(rows.c[name]) for name in names))
            query = query.select_from(rows.join(series, series.c.id == rows.c.series)).group_by(*columns)
            if len(of_day) < 24:
                query = query.where((rows.c.minute // _HOUR % 24).in_(sorted(of_day)))
            for row in connection.execute(query):
                at = row[len(group)] // _HOUR
                found[tuple(row[: len(group)])][at] = tuple(map(int, row[len(group) + 1 :]))
        return dict(found)

    def spent(self, kind: str, since: date, until: date, *, name: str | None = None) -> dict[str, dict[int, int]]:
        """Return nano-USD by name and day (whole days since 1970), `until` included; `kind` as in the table `spend`.

        With `name` only that one's.
        """
        found: defaultdict[str, dict[int, int]] = defaultdict(dict)
        days = spend.c.day >= day_number(since), spend.c.day <= day_number(until)
        query = select(spend.c.name, spend.c.day, spend.c.nanousd).where(spend.c.kind == kind, *days)
        if name is not None:
            query = query.where(spend.c.name == name)
        with translated("read the money spent"), reading(self._engine) as connection:
            for whose, day, nanousd in connection.execute(query):
                found[whose][day] = int(nanousd)
        return dict(found)

    def keys(self, since: float, until: float, *, pieces: int = 24, most: int = 2_000) -> list[KeyUse]:
        """Return who used which key in a sample: of each piece of the span its first `most` requests.

        At most `pieces` times `most` rows are read, by the primary key, however many there are.
        """
        many: defaultdict[tuple[str, str], int] = defaultdict(int)
        length = (until - since) / pieces
        with translated("read requests"), reading(self._engine) as connection:
            for piece in range(pieces):
                begin, end = (_first_id(since + length * at) for at in (piece, piece + 1))
                some = select(request.c.key_id, request.c.service).where(request.c.id >= begin, request.c.id < end)
                sample = some.order_by(request.c.id).limit(most).subquery("sample")
                query = select(sample.c.key_id, sample.c.service, func.count()).group_by(*sample.c)
                for key, service, n in connection.execute(query.where(sample.c.key_id != "", sample.c.service != "")):
                    many[key, service] += int(n)
        return [KeyUse(*names, n) for names, n in sorted(many.items())]


def _summed(  # noqa: PLR0913, PLR0917  # the parts of one query
    connection: Connection,
    kind: Kind,
    span: tuple[float, float],
    group: Sequence[GroupName],
    of: Sequence[str],
    names: Sequence[str],
    service: str | None,
) -> Select[Any]:
    own = None
    if service is not None:
        # A series has rows for a day at most after its last minute.
        wanted = series.c.service == service, series.c.last_minute >= span[0] // 60 - 1_440
        own = list(connection.execute(select(series.c.id).where(*wanted)).scalars())
    return windows.window_inside(connection, *_minutes(*span)).sums(kind, group, of, names, own)


def _minutes(since: float, until: float) -> tuple[int, int]:
    return -int(-since // 60), int(until // 60)


def _first_id(at: float) -> bytes:
    """Return the smallest id of a request that began at this time: ids begin with their milliseconds since 1970."""
    return max(0, int(at * 1000)).to_bytes(6, "big") + bytes(10)
