"""The plans that were in force, by hash: which limits and which owner a record's plan meant.

Owns the `plan` and `plan_body` tables. Keys are left out: they change often and mean nothing to a report.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update

from paceline.ledger.engine import writing
from paceline.ledger.errors import translated
from paceline.ledger.schema import plan as table
from paceline.ledger.schema import plan_body
from paceline.standards import Plan

__all__ = ["Document", "Plans", "Revision", "newest", "read"]

Document = Mapping[str, Any]


class Revision(NamedTuple):
    """A document that was in force. Plans that differ in their keys only are one. Times are microseconds since 1970."""

    hash8: str
    """Of its first plan."""
    first_seen_us: int
    last_seen_us: int
    document: Document


class Plans:
    """Plan documents by the first 16 hex digits of their hash."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, plan: Plan) -> None:
        """Keep a plan, which is now the newest. Raises `LedgerError`."""
        kept = {name: value for name, value in plan.document.items() if name not in {"keys", "hash"}}
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        now_us = time.time_ns() // 1000
        hash8 = plan.hash[:16]
        with translated("keep a plan"), writing(self._engine) as connection:
            if connection.execute(select(plan_body.c.digest).where(plan_body.c.digest == digest)).first() is None:
                connection.execute(insert(plan_body).values(digest=digest, document=text))
            again = update(table).where(table.c.hash8 == hash8).values(last_seen_us=now_us)
            if connection.execute(again).rowcount == 0:
                row = {"hash8": hash8, "hash": plan.hash, "body": digest}
                connection.execute(insert(table).values({**row, "first_seen_us": now_us, "last_seen_us": now_us}))

    def get(self, hash8: str) -> Document | None:
        """Return a plan's document, its keys and hash left out; None when it is not known. Raises `LedgerError`."""
        with translated("read a plan"), self._engine.connect() as connection:
            return read(connection, hash8)

    def newest(self) -> Document | None:
        """Return the plan that was made last; None when there is none. Raises `LedgerError`."""
        with translated("read a plan"), self._engine.connect() as connection:
            hash8 = newest(connection)
            return None if hash8 is None else read(connection, hash8)

    def history(self, *, most: int = 50) -> list[Revision]:
        """Return the newest documents, the newest first. Raises `LedgerError`."""
        columns = (table.c.hash8, table.c.first_seen_us, table.c.last_seen_us, table.c.body)
        with translated("read plans"), self._engine.connect() as connection:
            rows = connection.execute(select(*columns).order_by(table.c.first_seen_us.desc(), table.c.hash8)).all()
            runs: list[list[Any]] = []
            for row in rows:
                if runs and runs[-1][-1].body == row.body:
                    runs[-1].append(row)
                elif len(runs) == most:
                    break
                else:
                    runs.append([row])
            return [_revision(connection, run) for run in runs]


def _revision(connection: Connection, run: list[Any]) -> Revision:
    oldest, newest_ = run[-1], run[0]
    return Revision(oldest.hash8, oldest.first_seen_us, newest_.last_seen_us, read(connection, oldest.hash8) or {})


def read(connection: Connection, hash8: str) -> Document | None:
    """Return a plan's document within the caller's transaction."""
    found = connection.execute(
        select(plan_body.c.document)
        .join_from(table, plan_body, table.c.body == plan_body.c.digest)
        .where(table.c.hash8 == hash8)
    ).scalar()
    if found is None:
        return None
    document: Document = json.loads(found)
    return document


def newest(connection: Connection) -> str | None:
    """Return the `hash8` of the plan that was made last."""
    return connection.execute(select(table.c.hash8).order_by(table.c.last_seen_us.desc()).limit(1)).scalar()
