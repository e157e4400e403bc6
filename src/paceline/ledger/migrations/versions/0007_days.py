"""Rows of whole days (UTC) beside those of hours: what months are added up from.

Hours that are there are rolled up from the oldest on as soon as the new version runs; until then they are read.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NO_ROWID = {"sqlite_with_rowid": False}
_COUNTERS = (
    *("n", "n_ok", "n_refused", "n_caller_error", "n_provider_error", "n_gateway_error", "n_cancelled"),
    *("n_truncated", "n_timeout_connect", "n_timeout_first_token", "n_timeout_stall", "n_timeout_total", "n_lost"),
    *("n_streamed", "n_off_standard", "n_untagged", "n_cap_added", "n_ended_by_length"),
    *("n_tokens", "n_tokens_estimated"),
    *("tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
    *("n_cost_due", "n_cost", "cost_nanousd", "n_compared", "compared_nanousd", "default_nanousd"),
    *("request_bytes", "response_bytes", "other_nanousd"),
)


def upgrade() -> None:
    """Make the tables and note that nothing is rolled up yet."""
    measured: list[sa.Column[Any]] = [
        *_numbers("n", "n_failed"),
        sa.Column("sum", sa.Float, nullable=False),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
    ]
    op.create_table("day", *_key(), *_numbers(*_COUNTERS), **_NO_ROWID)
    op.create_table("day_metric", *_key("metric"), *measured, **_NO_ROWID)
    op.create_table("day_limit", *_key("metric", "percentile"), *_numbers("n", "over_limit"), **_NO_ROWID)
    op.create_table("day_event", *_key("event"), *_numbers("n", "nanousd"), **_NO_ROWID)
    state = sa.table("resolution", sa.column("name"), sa.column("rolled_until"), sa.column("kept_since"))
    op.bulk_insert(state, [{"name": "day", "rolled_until": 0, "kept_since": 0}])


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _key(*names: str) -> list[sa.Column[Any]]:
    numbers = ("minute", "series")
    return [
        *(sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False) for name in numbers),
        *(sa.Column(name, sa.Text, primary_key=True) for name in names),
    ]
