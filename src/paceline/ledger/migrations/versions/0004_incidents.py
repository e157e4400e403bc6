"""Incidents: the test of each limit, the incidents, and their timelines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LIMIT = ("service", "use_case", "metric", "percentile")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "limit_test",
        *(sa.Column(name, sa.Text, primary_key=True) for name in _LIMIT),
        sa.Column("state", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*_LIMIT, "state", "severity", "owner")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("since_us", "detected_us")),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("n", "over_limit")),
        sa.Column("allowed", sa.Float, nullable=False),
    )
    op.create_index("incident_limit", "incident", list(_LIMIT))
    op.create_index("incident_ended", "incident", ["ended_us"])
    op.create_table(
        "incident_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "kind", "text")),
    )
    op.create_index("incident_event_incident", "incident_event", ["incident", "id"])
