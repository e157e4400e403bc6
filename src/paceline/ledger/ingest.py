"""Takes journal segments into the ledger, each record exactly once.

The rows, the sums, the money spent and the position they reach are one transaction: a crash before its commit
leaves nothing, a crash after it leaves the position. A segment is deleted only when its whole content is committed and
whoever relies on it has been told, so a crash before the deletion only means that the next run deletes it. Memory and
transactions are bounded by `SLOTS_MAX` records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, delete

from paceline.ledger import resolutions, settings, statements
from paceline.ledger.engine import writing
from paceline.ledger.errors import JournalUnreadableError, translated
from paceline.ledger.intake import put_sums
from paceline.ledger.recent import Recent
from paceline.ledger.schema import position
from paceline.ledger.spending import Owners, subjects

if TYPE_CHECKING:
    from paceline._core import Folded

SLOTS_MAX: Final = 10_000
"""Most slots of one fold, and so most request rows of one transaction."""

DONE_MAX: Final = 16
"""Segments that may wait for their deletion while a long run goes on."""

SERIES_EPOCH: Final = "series_epoch"
"""Name of the setting that retention counts up when it deletes series, so that no cached id outlives its row."""

SEEN_EVERY: Final = 1_440
"""Minutes by which a series may be newer than its `last_minute` says."""

SeriesNames = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Ingested:
    """What one call took in."""

    records: int = 0
    segments_deleted: int = 0
    voids: int = 0
    """Slots that a killed gateway had reserved and never wrote; the requests are there as lost."""
    damaged: int = 0
    """Slots that a power cut or the disk made unreadable: so many records are missing."""


@dataclass
class _Count:
    records: int = 0
    segments_deleted: int = 0
    voids: int = 0
    damaged: int = 0
    done: list[Path] = field(default_factory=list)
    """Segments that are wholly in the ledger, not deleted yet."""

    def add(self, piece: Folded) -> None:
        self.records += len(piece.requests)
        self.voids += piece.voids
        self.damaged += piece.damaged


@dataclass
class _Known:
    """Series that are committed, each with its id and last minute, and the epoch they belong to."""

    epoch: str | None = None
    series: dict[SeriesNames, tuple[int, int]] = field(default_factory=dict)


class Ingest:
    """Folds journal directories into one database. Not for use by several threads at once; several processes may."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._postgres = engine.dialect.name == "postgresql"
        self._sql = statements.build("%s" if self._postgres else "?")
        self._known = _Known()
        self._owners = Owners()
        self.recent = Recent()

    def run(
        self, journal: Path, slots_max: int = SLOTS_MAX, before_delete: Callable[[], None] | None = None
    ) -> Ingested:
        """Take in everything that is settled in a journal directory and delete the segments that are done.

        `before_delete` runs after the commit and before any of them is gone. Raises `JournalUnreadableError` for a
        segment that cannot be folded, after taking in all the others, and the rest of `LedgerError`.
        """
        count = _Count()
        unreadable: JournalUnreadableError | None = None
        for path in _segments(journal):
            try:
                self._segment(path, slots_max, count)
            except JournalUnreadableError as error:
                unreadable = unreadable or error
            if len(count.done) >= DONE_MAX:
                _delete(count, before_delete)
        _delete(count, before_delete)
        if unreadable is not None:  # positions stay: those of the unreadable segment cannot be told from old ones
            raise unreadable
        if count.segments_deleted:
            self._forget_positions(journal)
        return Ingested(count.records, count.segments_deleted, count.voids, count.damaged)

    def _segment(self, path: Path, slots_max: int, count: _Count) -> None:
        start = _fold(path, 0, 0)
        if start is None:
            return
        with translated("read a position"), self._engine.connect() as connection:
            slot = self._position(connection, start)
        while (piece := _fold(path, slot, slots_max)) is not None:
            if piece.next_slot > slot:
                elsewhere = self._take_in(piece, slot)
                if elsewhere is not None:
                    slot = elsewhere
                    continue
                count.add(piece)
                self.recent.add(piece.requests)
            if piece.complete:
                count.done.append(path)
                return
            if piece.next_slot - slot < slots_max:
                return
            slot = piece.next_slot

    def _take_in(self, piece: Folded, slot: int) -> int | None:
        """Commit a piece that starts at `slot`; if another ingest was there first, return its position instead."""
        fresh: dict[SeriesNames, tuple[int, int]] = {}
        with translated("take in a journal segment"), writing(self._engine) as connection:
            found = self._position(connection, piece)
            if found != slot:
                return found
            epoch = settings.read(connection, SERIES_EPOCH)
            if epoch != self._known.epoch:
                self._known = _Known(epoch)
            newest = _newest(piece)
            ids = [self._series(connection, names, at, fresh) for names, at in zip(piece.series, newest, strict=True)]
            self._put_requests(connection, piece.requests)
            put_sums(connection, self._sql, piece, ids, resolutions.read(connection))
            self._put_spent(connection, piece)
            put = (*_name(piece), piece.next_slot)
            connection.exec_driver_sql(self._sql.position_put, put)
        self._known.series.update(fresh)
        return None

    def _position(self, connection: Connection, piece: Folded) -> int:
        found = connection.exec_driver_sql(self._sql.position_get, _name(piece)).scalar()
        return int(found or 0)

    def _series(
        self, connection: Connection, names: SeriesNames, newest: int, fresh: dict[SeriesNames, tuple[int, int]]
    ) -> int:
        known = self._known.series.get(names)
        if known is None:
            connection.exec_driver_sql(self._sql.series_put, (*names, newest))
            number, seen = connection.exec_driver_sql(self._sql.series_get, names).one()
            known = fresh[names] = (int(number), int(seen))
        number, seen = known
        if newest >= seen + SEEN_EVERY:
            connection.exec_driver_sql(self._sql.series_seen, (newest, number))
            fresh[names] = (number, newest)
        return number

    def _put_requests(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        if not self._postgres:
            connection.exec_driver_sql(self._sql.requests, rows)
            return
        from paceline.ledger.copying import copy_requests

        copy_requests(connection, self._sql, rows)

    def _put_spent(self, connection: Connection, piece: Folded) -> None:
        rows = subjects(piece.spent, lambda plan, service: self._owners.of(connection, plan, service))
        if rows:
            connection.exec_driver_sql(self._sql.spend, rows)

    def _forget_positions(self, journal: Path) -> None:
        """Drop positions older than every segment that is left; sequence numbers never come again."""
        left = [piece for path in _segments(journal) if (piece := _fold(path, 0, 0)) is not None]
        for gateway in {piece.gateway for piece in left}:
            oldest = min(piece.segment for piece in left if piece.gateway == gateway)
            done = delete(position).where(position.c.gateway == gateway, position.c.segment < oldest)
            with translated("forget old positions"), writing(self._engine) as connection:
                connection.execute(done)


def _delete(count: _Count, before_delete: Callable[[], None] | None) -> None:
    if not count.done:
        return
    if before_delete is not None:
        before_delete()
    for path in count.done:
        path.unlink(missing_ok=True)
    count.segments_deleted += len(count.done)
    count.done.clear()


def _name(piece: Folded) -> tuple[str, int, int]:
    return piece.gateway, piece.segment, piece.created_us


def _segments(journal: Path) -> list[Path]:
    return sorted(journal.glob("segment-*.jnl"))


def _newest(piece: Folded) -> list[int]:
    """Return the newest minute of each series."""
    newest = [0] * len(piece.series)
    for row in piece.minutes:
        newest[row[0]] = max(newest[row[0]], row[1])
    return newest


def _fold(path: Path, slot: int, slots_max: int) -> Folded | None:
    """Fold a piece of a segment; None when the file is gone, because another ingest has done with it."""
    from paceline import _core

    try:
        return _core.fold(path, slot, slots_max)
    except _core.JournalFault as error:
        if not path.exists():
            return None
        raise JournalUnreadableError(f"the journal cannot be read: {error}") from error
