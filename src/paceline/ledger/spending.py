"""Money spent, by day and by everyone it counts for: what a gateway's limits start from.

Owns the `spend` table. A record's cost, other attempts included, counts for its key, service, use case and deployment,
and for the team that owned the service in the plan in force. Billionths of a US dollar; days are UTC's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, func, select

from paceline.ledger import plans
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.schema import position, spend

KINDS: Final = ("key", "service", "use_case", "team", "deployment")

_EPOCH: Final = date(1970, 1, 1)

SpentRow = tuple[int, str, str, str, str, str, int]
"""A row of the native module's `Folded.spent`."""


class Owners:
    """Who owned a service in a plan; remembers the plans it has read."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, str | None]] = {}

    def of(self, connection: Connection, plan: str, service: str) -> str | None:
        """Return the owner of a service by the plan with these first 16 hex digits.

        A plan that this ledger has never seen counts as the newest one; None where nobody is known to own the service.
        """
        known = self._known.get(plan)
        if known is None and (document := plans.read(connection, plan)) is not None:
            known = self._known[plan] = _owners(document)
        if known is None:
            newest = plans.newest(connection)
            document = None if newest is None else plans.read(connection, newest)
            known = {} if document is None else _owners(document)
        return known.get(service)


def _owners(document: plans.Document) -> dict[str, str | None]:
    return {each["name"]: each.get("owner") for each in document["services"]}


def subjects(rows: Iterable[SpentRow], owner: Callable[[str, str], str | None]) -> list[tuple[int, str, str, int]]:
    """Add rows up as (day, kind, name, money); `owner` tells the team by plan and service."""
    sums: dict[tuple[int, str, str], int] = defaultdict(int)
    for day, key, service, use_case, deployment, plan, nanousd in rows:
        names = (key, service, use_case, owner(plan, service), deployment)
        for kind, name in zip(KINDS, names, strict=True):
            if name:
                sums[day, kind, name] += nanousd
    return [(*subject, nanousd) for subject, nanousd in sums.items()]


@dataclass(frozen=True)
class Reached:
    """How far one gateway's journal has been taken in: everything before this slot of this segment."""

    gateway: str
    segment: int
    created_us: int
    slot: int


@dataclass(frozen=True)
class Spending:
    """The money spent on one day and in its month, and the positions in the journals at that moment."""

    day: date
    reached: tuple[Reached, ...]
    totals: Mapping[tuple[str, str], tuple[int, int]]
    """Kind and name -> the day's money and the month's."""


def read(engine: Engine, day: date | None = None) -> Spending:
    """Return what was spent on a day, today if None, and in its month. Raises `LedgerError`."""
    day = day or datetime.now(UTC).date()
    with translated("read the money spent"), reading(engine) as connection:
        return Spending(day, _reached(connection), _totals(connection, day))


def day_number(day: date) -> int:
    """Return whole days since 1970."""
    return (day - _EPOCH).days


def _reached(connection: Connection) -> tuple[Reached, ...]:
    columns = (position.c.gateway, position.c.segment, position.c.created_us, position.c.slot)
    # The last segment of each gateway: those before it are wholly taken in.
    newest: dict[str, Reached] = {}
    for row in connection.execute(select(*columns).order_by(position.c.created_us, position.c.segment)):
        newest[row.gateway] = Reached(*row)
    return tuple(newest[gateway] for gateway in sorted(newest))


def _totals(connection: Connection, day: date) -> dict[tuple[str, str], tuple[int, int]]:
    first = day.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    query = (
        select(
            spend.c.kind,
            spend.c.name,
            func.sum(spend.c.nanousd).filter(spend.c.day == day_number(day)),
            func.sum(spend.c.nanousd),
        )
        .where(spend.c.day >= day_number(first), spend.c.day < day_number(after))
        .group_by(spend.c.kind, spend.c.name)
    )
    return {(kind, name): (int(today or 0), int(month)) for kind, name, today, month in connection.execute(query)}
