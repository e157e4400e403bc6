"""The facts of single requests as CSV: every column of the ledger's rows, read and written a few at a time.

There is no text of prompts or answers in the ledger, and so none here. Units are in the names of the columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Select, select

from paceline.exports.csv_lines import csv_lines
from paceline.ledger import Ledger
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.schema import request

__all__ = ["REQUEST_COLUMNS", "request_lines"]

REQUEST_COLUMNS: Final = tuple(column.name for column in request.columns)
"""The columns written, in their order."""

_ROWS: Final = 1_000


def request_lines(ledger: Ledger, since: float, until: float, service: str | None = None) -> Iterator[str]:
    """Yield the lines of a CSV file of the requests that began in a span, in their order. Raises `LedgerError`."""
    return csv_lines(REQUEST_COLUMNS, _rows(ledger, _chosen(since, until, service)))


def _chosen(since: float, until: float, service: str | None) -> Select[Any]:
    query = select(request).where(request.c.id >= _first_id(since), request.c.id < _first_id(until))
    if service is not None:
        query = query.where(request.c.service == service)
    return query.order_by(request.c.id)


def _rows(ledger: Ledger, query: Select[Any]) -> Iterator[list[Any]]:
    with translated("read requests"), reading(ledger.engine) as connection:
        for row in connection.execute(query.execution_options(yield_per=_ROWS)):
            yield [bytes(row[0]).hex(), *row[1:]]


def _first_id(at: float) -> bytes:
    """Return the smallest id of a request that began at this time: ids begin with their milliseconds since 1970."""
    return max(0, int(at * 1000)).to_bytes(6, "big") + bytes(10)
