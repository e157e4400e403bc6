"""What can go wrong in the ledger.

LedgerError                   the only exception tree that leaves `paceline.ledger`
├── LedgerUnreachableError    the database cannot be opened, locked, reached or grown
├── LedgerNewerError          the database was written by a newer version
├── LedgerBrokenError         the database refused a statement: a row that contradicts another
└── JournalUnreadableError    a journal segment cannot be folded
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError


class LedgerError(Exception):
    """Something the ledger could not do; the message says what and why."""


class LedgerUnreachableError(LedgerError):
    """The database cannot be opened, locked or reached, or its disk is full."""


class LedgerNewerError(LedgerError):
    """The database was written by a newer version of paceline."""


class LedgerBrokenError(LedgerError):
    """The database refused a statement."""


class JournalUnreadableError(LedgerError):
    """A journal segment cannot be folded: it is damaged, or of a newer format."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise the database's errors as `LedgerError`; `doing` completes "could not …". Bound values are never shown."""
    try:
        yield
    except OperationalError as error:
        raise LedgerUnreachableError(f"could not {doing}: {_reason(error)}") from error
    except SQLAlchemyError as error:
        raise LedgerBrokenError(f"could not {doing}: {_reason(error)}") from error


def _reason(error: SQLAlchemyError) -> str:
    """Return the driver's first line; SQLAlchemy's own text would quote the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
