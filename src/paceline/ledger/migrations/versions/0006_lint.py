"""What the linter said of each service's code."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COUNTS = (
    *("files", "sites", "facts_decided", "facts_unknown"),
    *("errors", "warnings", "notes", "pragmas", "baseline"),
)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "lint",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("revision", "version", "actor")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
        sa.Column("rules", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
