"""How far the rows of each resolution reach.

Owns the `resolution` table. Three rules make every request count once wherever it is read:

- Minutes are rolled up bucket by bucket; `rolled_until` says up to where, and moves in the transaction that rolls up.
- A request that comes in late, into a bucket that is rolled up already, is added to every coarser row by ingest itself,
  in the transaction that takes it in: no bucket is rolled up a second time, and none is out of date.
- Fine rows are deleted up to `kept_since`, which moves in the transaction that deletes them, and never past what is
  rolled up. From then on ingest leaves the finer table alone.

All of it happens under the ledger's write lock, so several processes may ingest, roll up and retain at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from paceline.ledger.schema_rows import RowTables, StratumTable, resolution

Level = RowTables | StratumTable


@dataclass(frozen=True)
class Reach:
    """What a resolution holds: everything from `kept_since` up to and without `rolled_until`, minutes since 1970."""

    rolled_until: int | None
    """None for what ingest itself writes: there is no end."""
    kept_since: int

    def is_rolled(self, minute: int) -> bool:
        """Tell whether a request of this minute that comes in now belongs into these rows."""
        return self.rolled_until is None or minute < self.rolled_until


def read(connection: Connection) -> dict[str, Reach]:
    """Return how far each resolution reaches, by name, as of the caller's transaction."""
    rows = connection.execute(select(resolution.c.name, resolution.c.rolled_until, resolution.c.kept_since))
    return {name: Reach(until, since) for name, until, since in rows}


def rolled(connection: Connection, level: Level, until: int) -> None:
    """Note within the caller's transaction, which rolled them up, that rows before a minute are there."""
    connection.execute(update(resolution).where(resolution.c.name == level.name).values(rolled_until=until))


def kept(connection: Connection, level: Level, since: int) -> None:
    """Note within the caller's transaction, which deletes them, that rows before a minute are gone."""
    connection.execute(update(resolution).where(resolution.c.name == level.name).values(kept_since=since))


def takes(level: Level, levels: Sequence[Level], reach: Mapping[str, Reach], minute: int) -> bool:
    """Tell whether a request of this minute that comes in now is to be added to the rows of `level`.

    The coarsest takes what is too old for any: whoever deletes what is old finds it there.
    """
    here = reach[level.name]
    return here.is_rolled(minute) and (minute >= here.kept_since or level is levels[-1])


def floor(minute: int, minutes: int) -> int:
    """Return the start of the bucket of so many minutes that holds a minute."""
    return minute - minute % minutes


def ceil(minute: int, minutes: int) -> int:
    """Return the first start of a bucket of so many minutes from a minute on."""
    return minute + -minute % minutes
