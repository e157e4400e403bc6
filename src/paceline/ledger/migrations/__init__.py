"""The ledger's schema over time: Alembic revisions, applied by `upgrade` when a ledger is opened.

`HEAD` is the newest revision; a database at `HEAD` is opened without loading Alembic.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text

from paceline.ledger.errors import LedgerNewerError

HEAD: Final = "0007"


def current(connection: Connection) -> str | None:
    """Return the revision the database is at; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection) -> None:
    """Bring the schema to `HEAD` within the caller's transaction, which holds the ledger's write lock.

    Raises `LedgerNewerError` when the database is at a revision that this version does not have.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "paceline.ledger:migrations")
    config.set_main_option("path_separator", "os")
    found = current(connection)
    try:
        ScriptDirectory.from_config(config).get_revision(found or "base")
    except CommandError as error:
        raise LedgerNewerError(
            f"the ledger is at revision {found}, newer than this version's {HEAD}; upgrade paceline"
        ) from error
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
