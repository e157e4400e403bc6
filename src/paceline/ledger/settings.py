"""Named values kept in the ledger. Owns the `setting` table; what a value means is its owner's affair."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, insert, select

from paceline.ledger.engine import writing
from paceline.ledger.errors import translated
from paceline.ledger.schema import setting


class Settings:
    """Text values by name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str) -> str | None:
        """Return a value; None when there is none. Raises `LedgerError`."""
        with translated("read a setting"), self._engine.connect() as connection:
            return read(connection, name)

    def put(self, name: str, value: str) -> None:
        """Set a value. Raises `LedgerError`."""
        with translated("write a setting"), writing(self._engine) as connection:
            write(connection, name, value)


def read(connection: Connection, name: str) -> str | None:
    """Return a value within the caller's transaction."""
    return connection.execute(select(setting.c.value).where(setting.c.name == name)).scalar()


def write(connection: Connection, name: str, value: str) -> None:
    """Set a value within the caller's transaction, which holds the write lock."""
    connection.execute(delete(setting).where(setting.c.name == name))
    connection.execute(insert(setting).values(name=name, value=value))


def count_up(connection: Connection, name: str) -> None:
    """Add one to a counter within the caller's transaction, which holds the write lock."""
    write(connection, name, str(int(read(connection, name) or "0") + 1))
