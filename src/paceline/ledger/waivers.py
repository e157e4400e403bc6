"""Waivers asked for by command or API, as the ledger keeps them; every change with its entry in the audit.

Knows no rules: who may approve what is governance's.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Row, insert, select, update

from paceline.ledger import audit
from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import waiver

__all__ = ["WaiverRow", "WaiverWriter", "Waivers"]

_BASE62: Final = string.digits + string.ascii_letters


class WaiverRow(NamedTuple):
    """A waiver. Times are microseconds since 1970; an empty part of the scope covers all."""

    id: str
    service: str
    use_case: str
    metric: str
    percentile: str
    rule: str
    model: str
    reason: str
    requester: str
    approver: str
    state: str
    """pending, approved, denied, revoked."""
    days: int
    requested_us: int
    decided_us: int | None
    starts_us: int | None
    ends_us: int | None


class Waivers:
    """The table of waivers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self) -> list[WaiverRow]:
        """Return all of them, newest first. Raises `LedgerError`."""
        query = select(waiver).order_by(waiver.c.requested_us.desc(), waiver.c.id)
        with translated("read waivers"), reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(query)]

    def get(self, number: str) -> WaiverRow | None:
        """Return one. Raises `LedgerError`."""
        with translated("read a waiver"), reading(self._engine) as connection:
            return _get(connection, number)

    @contextmanager
    def changing(self) -> Iterator[WaiverWriter]:
        """Yield what changes waivers, in one transaction under the write lock. Raises `LedgerError`."""
        with translated("write waivers"), writing(self._engine) as connection:
            yield WaiverWriter(connection)


class WaiverWriter:
    """Changes waivers within a transaction; see `Waivers.changing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, number: str) -> WaiverRow | None:
        """Return a waiver as this transaction sees it."""
        return _get(self._connection, number)

    def add(self, values: Mapping[str, Any], actor: str, text: str) -> str:
        """Write a new one and return its id."""
        number = "w_" + "".join(secrets.choice(_BASE62) for _ in range(8))
        self._connection.execute(insert(waiver).values({**values, "id": number}))
        audit.add(self._connection, actor, "request", f"waiver {number}", text)
        return number

    def change(self, number: str, values: Mapping[str, Any], actor: str, action: str, text: str) -> None:
        """Change one, and say who did what."""
        self._connection.execute(update(waiver).where(waiver.c.id == number).values(dict(values)))
        audit.add(self._connection, actor, action, f"waiver {number}", text)


def _get(connection: Connection, number: str) -> WaiverRow | None:
    row = connection.execute(select(waiver).where(waiver.c.id == number)).one_or_none()
    return None if row is None else _row(row)


def _row(row: Row[Any]) -> WaiverRow:
    return WaiverRow(**row._mapping)
