"""The connection to the ledger's database: SQLite beside the data, or PostgreSQL by URL.

Owns pragmas, transactions and the one write lock. A transaction for writing takes the lock at its start, so that it
waits for its turn rather than failing in the middle: on SQLite the database's own, on PostgreSQL an advisory lock.
SQLite syncs each commit (WAL, synchronous FULL): ingest deletes journal segments on the strength of a commit, and it
commits a few times a second at most.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from paceline.ledger import migrations
from paceline.ledger.errors import LedgerUnreachableError, translated

URL_VARIABLE: Final = "PACELINE_LEDGER__URL"
BUSY_TIMEOUT_S: Final = 30.0
# "pacelin" in ASCII: the advisory lock's number on PostgreSQL.
_LOCK: Final = 0x706163656C696E


def url_of(where: str | Path) -> URL:
    """Return the database's address for a URL or a data directory.

    A directory means `ledger.db` in it, unless the environment's `PACELINE_LEDGER__URL` names another database.
    Raises `LedgerUnreachableError` for what is neither.
    """
    if isinstance(where, Path) or "://" not in where:
        configured = os.environ.get(URL_VARIABLE)
        if not configured:
            return URL.create("sqlite+pysqlite", database=str(Path(where).absolute() / "ledger.db"))
        where = configured
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise LedgerUnreachableError(f"the ledger's address cannot be read; write it like {_EXAMPLE}") from error
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        return url.set(drivername="sqlite+pysqlite")
    raise LedgerUnreachableError(f"the ledger runs on SQLite files and PostgreSQL; write its address like {_EXAMPLE}")


_EXAMPLE = "postgresql://user@host/name or sqlite:////path/ledger.db"


def connect(url: URL) -> Engine:
    """Return an engine whose schema is up to date.

    Raises `LedgerUnreachableError`, `LedgerNewerError`, `LedgerBrokenError`.
    """
    with translated("open the ledger"):
        engine = _sqlite(url) if url.get_backend_name() == "sqlite" else create_engine(url, pool_pre_ping=True)
        try:
            with engine.connect() as connection:
                if migrations.current(connection) == migrations.HEAD:
                    return engine
            with writing(engine) as connection:
                if migrations.current(connection) != migrations.HEAD:
                    migrations.upgrade(connection)
        except BaseException:
            engine.dispose()
            raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that holds the write lock; it commits at the end of the block."""
    with engine.connect().execution_options(ledger_writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection whose statements all see the database as of one moment."""
    # SQLite's transactions do so by themselves.
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection:
        yield connection


def _sqlite(url: URL) -> Engine:
    _lay_out(Path(url.database or ""))
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver's own transactions begin too late and too weakly; `_begin` does it.
        connection.isolation_level = None
        for pragma in ("synchronous=FULL", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("ledger_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _lay_out(path: Path) -> None:
    """Make the file, readable by its owner only, and set what is stored in it: WAL, and room that can be given back.

    Under a lock on the directory: SQLite does not wait its turn when two connections switch to WAL at once. An
    existing file is not opened here other than by SQLite, since closing it would drop SQLite's locks on it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LedgerUnreachableError(f"could not open the ledger: {error}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL").close()
            connection.execute("PRAGMA journal_mode=WAL").close()
    except (OSError, sqlite3.Error) as error:
        raise LedgerUnreachableError(f"could not open the ledger {path}: {error}") from error
    finally:
        os.close(directory)
