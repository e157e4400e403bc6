"""The last look at each service for a regression: an alarm needs two running. Knows no statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Engine, bindparam, delete, insert, select

from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import look

__all__ = ["LookKey", "Looked", "Looks"]


class LookKey(NamedTuple):
    """What was looked at."""

    service: str
    use_case: str
    measure: str


class Looked(NamedTuple):
    """What a look found, at `at_us`."""

    at_us: int
    ratio: float
    log_error: float
    """Infinite where there was too little to say."""
    is_gone: bool


class Looks:
    """The table of looks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> dict[LookKey, Looked]:
        """Return the last look at everything. Raises `LedgerError`."""
        with translated("read looks"), reading(self._engine) as connection:
            return {
                LookKey(row.service, row.use_case, row.measure): Looked(
                    row.at_us, row.ratio, row.log_error if row.log_error >= 0 else float("inf"), row.is_gone
                )
                for row in connection.execute(select(look))
            }

    def put(self, looks: Mapping[LookKey, Looked]) -> None:
        """Replace these looks. Raises `LedgerError`."""
        if not looks:
            return
        same = [look.c[name] == bindparam(f"its_{name}") for name in LookKey._fields]
        keys = [{f"its_{name}": value for name, value in key._asdict().items()} for key in looks]
        rows = [
            {**key._asdict(), **found._asdict(), "log_error": found.log_error if found.log_error < 1e6 else -1.0}
            for key, found in looks.items()
        ]
        with translated("write looks"), writing(self._engine) as connection:
            connection.execute(delete(look).where(*same), keys)
            connection.execute(insert(look), rows)
