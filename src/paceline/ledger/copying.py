"""Bulk loading of request rows into PostgreSQL by binary COPY, the one thing that needs its driver's own interface."""

from __future__ import annotations

from typing import Any, Final, cast

from psycopg import Connection as Driver
from psycopg import errors
from sqlalchemy import BigInteger, Connection, Integer, LargeBinary

from paceline.ledger.schema import request
from paceline.ledger.statements import Statements

_TYPES: Final = [
    "bytea"
    if isinstance(column.type, LargeBinary)
    else "int8"
    if isinstance(column.type, BigInteger)
    else "int4"
    if isinstance(column.type, Integer)
    else "text"
    for column in request.columns
]


def copy_requests(connection: Connection, sql: Statements, rows: list[tuple[Any, ...]]) -> None:
    """Add request rows within the caller's transaction.

    COPY cannot pass over a row that is there already; only then does the slower way run, which can.
    """
    driver = cast("Driver[Any]", connection.connection.driver_connection)
    try:
        with driver.transaction(), driver.cursor() as cursor, cursor.copy(sql.requests_copy) as copy:
            copy.set_types(_TYPES)
            for row in rows:
                copy.write_row(row)
    except errors.UniqueViolation:
        connection.exec_driver_sql(sql.requests, rows)
