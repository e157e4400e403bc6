"""The facts of single requests: every column of the ledger's rows, read a few at a time, and written as CSV.

There is no text of prompts or answers in the ledger, and so none here. Units are in the names of the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, select

from paceline.exports.csv_lines import csv_lines
from paceline.ledger import Ledger
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.schema import request

__all__ = ["REQUEST_COLUMNS", "request_lines", "request_rows"]

REQUEST_COLUMNS: Final = tuple(column.name for column in request.columns)
"""The columns written, in their order."""

_ROWS: Final = 1_000


def request_lines(ledger: Ledger, since: float, until: float, service: str | None = None) -> Iterator[str]:
    """Yield the lines of a CSV file of the requests that began in a span, in their order. Raises `LedgerError`."""
    rows = (row for some in request_rows(ledger, since, until, service, at_once=_ROWS) for row in some)
    return csv_lines(REQUEST_COLUMNS, ([bytes(row[0]).hex(), *row[1:]] for row in rows))


def request_rows(
    ledger: Ledger, since: float, until: float, service: str | None = None, *, at_once: int
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows of the requests that began in a span, in their order, so many at once. Raises `LedgerError`."""
    query = select(request).where(request.c.id >= _first_id(since), request.c.id < _first_id(until))
    if service is not None:
        query = query.where(request.c.service == service)
    query = query.order_by(request.c.id).execution_options(yield_per=at_once)
    with translated("read requests"), reading(ledger.engine) as connection:
        yield from connection.execute(query).partitions()


def _first_id(at: float) -> bytes:
    """Return the smallest id of a request that began at this time: ids begin with their milliseconds since 1970."""
    return max(0, int(at * 1000)).to_bytes(6, "big") + bytes(10)
