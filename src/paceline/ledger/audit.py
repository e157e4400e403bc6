"""Who did what to what: the audit. Only ever added to, in the transaction of what it tells."""

from __future__ import annotations

import time
from typing import NamedTuple

from sqlalchemy import Connection, Engine, insert, select

from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import audit

__all__ = ["Audit", "AuditEntry", "add"]


class AuditEntry(NamedTuple):
    """One entry, at `at_us` microseconds since 1970."""

    id: int
    at_us: int
    actor: str
    action: str
    subject: str
    """`waiver w_…`, `service helpdesk`, `token t_…`."""
    text: str


class Audit:
    """The table of the audit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(
        self, *, subject: str | None = None, since_us: int = 0, before: int | None = None, limit: int = 200
    ) -> list[AuditEntry]:
        """Return entries, newest first: of one subject, since a time, older than an id. Raises `LedgerError`."""
        query = select(audit).where(audit.c.at_us >= since_us)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        if before is not None:
            query = query.where(audit.c.id < before)
        with translated("read the audit"), reading(self._engine) as connection:
            return [AuditEntry(*row) for row in connection.execute(query.order_by(audit.c.id.desc()).limit(limit))]


def add(connection: Connection, actor: str, action: str, subject: str, text: str = "") -> None:
    """Add an entry within the caller's transaction."""
    row = {"at_us": time.time_ns() // 1000, "actor": actor, "action": action, "subject": subject, "text": text}
    connection.execute(insert(audit).values(row))
