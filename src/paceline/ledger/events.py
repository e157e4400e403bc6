"""What happened that may explain figures: deploys, plans, outages, alerts of others. Told once, kept as told."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select

from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import event

__all__ = ["Event", "Events", "record"]


class Event(NamedTuple):
    """One thing that happened, at `at_us` microseconds since 1970."""

    at_us: int
    kind: str
    """`deploy`, `plan`, `outage`, `alert`, `mix`, `other`."""
    text: str
    service: str = ""
    """Empty where all are meant."""
    provider: str = ""
    link: str = ""
    actor: str = ""
    same: str = ""
    """Told again with the same mark it is not written twice."""


class Events:
    """The table of events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, event: Event) -> bool:
        """Write an event; False when it was there. Raises `LedgerError`."""
        with translated("write an event"), writing(self._engine) as connection:
            return record(connection, event)

    def between(self, since_us: int, until_us: int, *, service: str | None = None) -> list[Event]:
        """Return what happened in a span, oldest first; with `service`, to it or to all. Raises `LedgerError`."""
        query = select(event).where(event.c.at_us >= since_us, event.c.at_us < until_us)
        if service is not None:
            query = query.where(event.c.service.in_(("", service)))
        with translated("read events"), reading(self._engine) as connection:
            rows = connection.execute(query.order_by(event.c.at_us, event.c.id))
            return [
                Event(row.at_us, row.kind, row.text, row.service, row.provider, row.link, row.actor, row.same)
                for row in rows
            ]

    def forget(self, before_us: int) -> int:
        """Delete older ones; return how many. Raises `LedgerError`."""
        with translated("delete events"), writing(self._engine) as connection:
            return connection.execute(delete(event).where(event.c.at_us < before_us)).rowcount


def record(connection: Connection, told: Event) -> bool:
    """Write an event within the caller's transaction, which holds the write lock; False when it was there."""
    same = told.same or f"{told.kind}:{told.service}:{told.provider}:{told.at_us}:{told.text}"
    if connection.execute(select(event.c.id).where(event.c.same == same)).first() is not None:
        return False
    connection.execute(insert(event).values(**told._asdict() | {"same": same}))
    return True
