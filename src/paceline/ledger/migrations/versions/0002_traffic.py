"""Traffic rules: what they did to requests and in minutes, money by day, keys' limits, changes of learned caps.

Only adds: a column that older rows cannot know gets the value that means "nothing of it happened".
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NO_ROWID = {"sqlite_with_rowid": False}


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _key(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def upgrade() -> None:
    """Add the columns and tables."""
    for name, before in (("lane", "standard"), ("cache", "none"), ("prefix", "none")):
        op.add_column("request", sa.Column(name, sa.Text, nullable=False, server_default=before))
    for name in ("queue_us", "retry_us"):
        op.add_column("request", sa.Column(name, sa.BigInteger))
    for table, name in (("request", "other_cost_nanousd"), ("minute", "other_nanousd")):
        op.add_column(table, sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("key", sa.Column("limits", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "minute_event", _key("minute"), _key("series"), _word("event"), _number("n"), _number("nanousd"), **_NO_ROWID
    )
    op.create_table("spend", _key("day"), _word("kind"), _word("name"), _number("nanousd"), **_NO_ROWID)
    op.create_table(
        "cap_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("use_case", sa.Text, nullable=False),
        _number("at_us"),
        sa.Column("cap_from", sa.BigInteger),
        sa.Column("cap_to", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        _number("n_before"),
        _number("n_cut_before"),
    )
    op.create_index("cap_change_use_case", "cap_change", ["use_case", "at_us"])
