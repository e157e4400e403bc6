"""Messages that wait to be sent, and what became of them: an alert survives a restart because it is written here first.

Owns their order and their tries. Knows neither channels nor words; a message is written by `WatchWriter.tell`, in the
transaction of what it tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, or_, select, update

from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import outbox

__all__ = ["Draft", "Message", "Outbox", "enqueue"]

_DUE_MAX: Final = 500


class Draft(NamedTuple):
    """A message to be written. `due_us`: not before then."""

    team: str
    channel: str
    event: str
    alert: str
    """JSON."""
    due_us: int


class Message(NamedTuple):
    """A message. Times are microseconds since 1970."""

    id: int
    at_us: int
    incident: str
    event: str
    team: str
    channel: str
    alert: str
    due_us: int
    tries: int
    sent_us: int | None
    failed_us: int | None
    error: str


class Outbox:
    """The table of messages."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now_us: int) -> list[Message]:
        """Return what may be sent now, oldest first: of an incident and channel only the first that waits.

        Raises `LedgerError`.
        """
        waiting = and_(outbox.c.sent_us.is_(None), outbox.c.failed_us.is_(None))
        firsts = (
            select(func.min(outbox.c.id)).where(waiting).group_by(outbox.c.incident, outbox.c.team, outbox.c.channel)
        )
        query = select(outbox).where(outbox.c.id.in_(firsts), outbox.c.due_us <= now_us)
        with translated("read the messages to send"), reading(self._engine) as connection:
            return [_message(row) for row in connection.execute(query.order_by(outbox.c.id).limit(_DUE_MAX))]

    def of(self, incident: str) -> list[Message]:
        """Return an incident's messages, oldest first. Raises `LedgerError`."""
        query = select(outbox).where(outbox.c.incident == incident).order_by(outbox.c.id)
        with translated("read an incident's messages"), reading(self._engine) as connection:
            return [_message(row) for row in connection.execute(query)]

    def since(self, since_us: int) -> list[Message]:
        """Return the messages written since, oldest first. Raises `LedgerError`."""
        query = select(outbox).where(outbox.c.at_us >= since_us).order_by(outbox.c.id)
        with translated("read messages"), reading(self._engine) as connection:
            return [_message(row) for row in connection.execute(query)]

    def sent_since(self, since_us: int) -> dict[tuple[str, str], int]:
        """Count by team and channel what was sent since. Raises `LedgerError`."""
        query = select(outbox.c.team, outbox.c.channel, func.count(func.distinct(outbox.c.sent_us)))
        query = query.where(outbox.c.sent_us >= since_us).group_by(outbox.c.team, outbox.c.channel)
        with translated("count messages"), reading(self._engine) as connection:
            return {(team, channel): int(n) for team, channel, n in connection.execute(query)}

    def put(self, incident: str, at_us: int, drafts: Sequence[Draft]) -> None:
        """Write messages that tell of no change, such as a test. Raises `LedgerError`."""
        with translated("write messages"), writing(self._engine) as connection:
            enqueue(connection, incident, at_us, drafts)

    def sent(self, numbers: Sequence[int], at_us: int) -> None:
        """Note that messages were sent. Raises `LedgerError`."""
        self._set(numbers, sent_us=at_us, tries=outbox.c.tries + 1, error="")

    def again(self, numbers: Sequence[int], due_us: int, error: str) -> None:
        """Note a try that failed, and when to try again. Raises `LedgerError`."""
        self._set(numbers, due_us=due_us, tries=outbox.c.tries + 1, error=error)

    def failed(self, numbers: Sequence[int], at_us: int, error: str) -> None:
        """Note that messages will not be sent. Raises `LedgerError`."""
        self._set(numbers, failed_us=at_us, tries=outbox.c.tries + 1, error=error)

    def forget(self, before_us: int) -> int:
        """Delete messages that were done before; return how many. Raises `LedgerError`."""
        done = or_(outbox.c.sent_us < before_us, outbox.c.failed_us < before_us)
        with translated("delete messages"), writing(self._engine) as connection:
            return connection.execute(delete(outbox).where(done)).rowcount

    def _set(self, numbers: Sequence[int], **values: object) -> None:
        with translated("write messages"), writing(self._engine) as connection:
            connection.execute(update(outbox).where(outbox.c.id.in_(numbers)).values(**values))


def enqueue(connection: Connection, incident: str, at_us: int, drafts: Sequence[Draft]) -> None:
    """Write messages within the caller's transaction, which holds the write lock."""
    rows = [{"incident": incident, "at_us": at_us, **draft._asdict(), "tries": 0, "error": ""} for draft in drafts]
    if rows:
        connection.execute(insert(outbox), rows)


def _message(row: Row[tuple[object, ...]]) -> Message:
    return Message(**row._mapping)
