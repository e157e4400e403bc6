"""Exclusions made by command or API, as the ledger keeps them; every change with its entry in the audit."""

from __future__ import annotations

import secrets
import time
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row, insert, select, update

from paceline.ledger import audit
from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import exclusion

__all__ = ["ExclusionRow", "Exclusions"]


class ExclusionRow(NamedTuple):
    """An exclusion. Times are microseconds since 1970; an empty service or use case means all."""

    id: str
    service: str
    use_case: str
    reason: str
    actor: str
    rule: str
    timezone: str
    starts_us: int
    minutes: int
    made_us: int
    ended_us: int | None


class Exclusions:
    """The table of exclusions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self) -> list[ExclusionRow]:
        """Return all of them, newest first, ended ones too. Raises `LedgerError`."""
        query = select(exclusion).order_by(exclusion.c.made_us.desc(), exclusion.c.id)
        with translated("read exclusions"), reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(query)]

    def add(self, row: ExclusionRow) -> str:
        """Write one under a new id, and return it. Raises `LedgerError`."""
        number = f"x_{secrets.token_hex(4)}"
        with translated("write an exclusion"), writing(self._engine) as connection:
            connection.execute(insert(exclusion).values({**row._asdict(), "id": number}))
            said = f"{row.service or 'all services'}: {row.rule or 'once'}, {row.minutes} minutes: {row.reason}"
            audit.add(connection, row.actor, "add", f"exclusion {number}", said)
        return number

    def end(self, number: str, actor: str) -> bool:
        """End one; False when there is none that goes on. Raises `LedgerError`."""
        goes_on = exclusion.c.ended_us.is_(None)
        with translated("end an exclusion"), writing(self._engine) as connection:
            change = update(exclusion).where(exclusion.c.id == number, goes_on)
            if connection.execute(change.values(ended_us=time.time_ns() // 1000)).rowcount == 0:
                return False
            audit.add(connection, actor, "end", f"exclusion {number}")
            return True


def _row(row: Row[Any]) -> ExclusionRow:
    return ExclusionRow(**row._mapping)
