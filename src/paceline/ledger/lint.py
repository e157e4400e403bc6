"""What the linter said of each service's code: counts, never code. The last word of each day is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Engine, Row, delete, func, insert, select

from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import lint

__all__ = ["Lint", "LintState", "RuleCounts"]

_DAY_US = 86_400_000_000


class RuleCounts(NamedTuple):
    """Findings of one rule: those that count, those held by pragmas, those the baseline allows."""

    live: int = 0
    pragma: int = 0
    baseline: int = 0


class LintState(NamedTuple):
    """A service's code at `at_us` microseconds since 1970, as a run of `paceline check` saw it."""

    service: str
    at_us: int
    revision: str
    """The commit, as far as it was said."""
    version: str
    """Of the linter."""
    actor: str
    files: int
    sites: int
    facts_decided: int
    facts_unknown: int
    errors: int
    warnings: int
    notes: int
    pragmas: int
    """Live ones: each is an exception with a reason."""
    baseline: int
    """Findings that the baseline allows."""
    rules: Mapping[str, RuleCounts]


class Lint:
    """The table of what the linter said."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, state: LintState) -> None:
        """Keep a state in place of an earlier one of the same UTC day. Raises `LedgerError`."""
        day = state.at_us // _DAY_US
        row = state._asdict() | {"rules": json.dumps(state.rules, sort_keys=True), "day": day}
        with translated("write what the linter said"), writing(self._engine) as connection:
            connection.execute(delete(lint).where(lint.c.service == state.service, lint.c.day == day))
            connection.execute(insert(lint), row)

    def latest(self) -> dict[str, LintState]:
        """Return the last state of every service that has one, by name. Raises `LedgerError`."""
        last = select(lint.c.service, func.max(lint.c.day).label("day")).group_by(lint.c.service).subquery()
        query = select(lint).join(last, (lint.c.service == last.c.service) & (lint.c.day == last.c.day))
        with translated("read what the linter said"), reading(self._engine) as connection:
            return {row.service: _state(row) for row in connection.execute(query.order_by(lint.c.service))}

    def of(self, service: str, since_us: int) -> list[LintState]:
        """Return a service's states since then, oldest first, at most one a day. Raises `LedgerError`."""
        query = select(lint).where(lint.c.service == service, lint.c.at_us >= since_us).order_by(lint.c.day)
        with translated("read what the linter said"), reading(self._engine) as connection:
            return [_state(row) for row in connection.execute(query)]

    def forget(self, before_us: int) -> int:
        """Delete older ones; return how many. Raises `LedgerError`."""
        with translated("delete what the linter said"), writing(self._engine) as connection:
            return connection.execute(delete(lint).where(lint.c.at_us < before_us)).rowcount


def _state(row: Row[tuple[object, ...]]) -> LintState:
    values = {name: getattr(row, name) for name in LintState._fields}
    rules = {code: RuleCounts(*counts) for code, counts in json.loads(row.rules).items()}
    return LintState(**values | {"rules": rules})
