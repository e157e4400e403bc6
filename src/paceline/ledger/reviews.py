"""Reviews as they were written, so that the next one can ask what became of its actions. Owns the `review` table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, delete, insert, select

from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import review as table

__all__ = ["Kept", "Reviews"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One review. Times are microseconds since 1970; the document is its JSON form."""

    id: str
    period: str
    since_us: int
    until_us: int
    made_us: int
    document: Mapping[str, Any]


class Reviews:
    """The table of reviews."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, review: Kept) -> None:
        """Keep a review in place of the one of the same id. Raises `LedgerError`."""
        document = json.dumps(review.document, ensure_ascii=False, sort_keys=True)
        row = {name: getattr(review, name) for name in ("id", "period", "since_us", "until_us", "made_us")}
        with translated("keep a review"), writing(self._engine) as connection:
            connection.execute(delete(table).where(table.c.id == review.id))
            connection.execute(insert(table).values({**row, "document": document}))

    def get(self, number: str) -> Kept | None:
        """Return a review; None when there is none. Raises `LedgerError`."""
        with translated("read a review"), reading(self._engine) as connection:
            row = connection.execute(select(table).where(table.c.id == number)).one_or_none()
        return None if row is None else _kept(row)

    def list(self, *, most: int = 100) -> list[Kept]:
        """Return reviews, the newest first. Raises `LedgerError`."""
        query = select(table).order_by(table.c.until_us.desc(), table.c.period, table.c.id).limit(most)
        with translated("read reviews"), reading(self._engine) as connection:
            return [_kept(row) for row in connection.execute(query)]


def _kept(row: Row[Any]) -> Kept:
    return Kept(row.id, row.period, row.since_us, row.until_us, row.made_us, json.loads(row.document))
