"""The first schema.

Written out rather than taken from `schema`, which goes on changing; a test compares the two at the newest revision.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NO_ROWID = {"sqlite_with_rowid": False}


def _numbers(*names: str, null: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=null) for name in names]


def _texts(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=null) for name in names]


def _minute_key() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False) for name in ("minute", "series")]


def upgrade() -> None:
    """Make every table."""
    _requests()
    _minutes()
    _book_keeping()


def _requests() -> None:
    small = ("code", "status", "provider_status", "attempts")
    times = (
        *("body_us", "sent_us", "headers_us", "first_us", "visible_us", "last_us", "end_us"),
        *("ttft_us", "ttfv_us", "tpot_ns", "stall_us", "total_us"),
        *("overhead_in_ns", "overhead_back_ns", "connect_us"),
    )
    counts = (
        *("events", "tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
        *("request_bytes", "response_bytes", "cap_tokens"),
    )
    words = (
        *("service", "use_case", "deployment", "model", "key_id"),
        *("model_asked", "session", "reason", "model_served", "provider_request"),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.LargeBinary(16), primary_key=True),
        *_numbers("start_us"),
        *_texts("plan", "api", "outcome", "mode", "token_source"),
        *_numbers("flags"),
        *(sa.Column(name, sa.Integer, nullable=False) for name in small),
        *_numbers(*times, null=True),
        *_numbers(*counts),
        *_numbers("cost_nanousd", "default_cost_nanousd", null=True),
        *_numbers("judged", "over_limit"),
        *_texts(*words),
        **_NO_ROWID,
    )


def _minutes() -> None:
    counters = (
        *("n", "n_ok", "n_refused", "n_caller_error", "n_provider_error", "n_gateway_error", "n_cancelled"),
        *("n_truncated", "n_timeout_connect", "n_timeout_first_token", "n_timeout_stall", "n_timeout_total", "n_lost"),
        *("n_streamed", "n_off_standard", "n_untagged", "n_cap_added", "n_ended_by_length"),
        *("n_tokens", "n_tokens_estimated"),
        *("tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
        *("n_cost_due", "n_cost", "cost_nanousd", "n_compared", "compared_nanousd", "default_nanousd"),
        *("request_bytes", "response_bytes"),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        *_texts("service", "use_case", "model", "deployment", "plan"),
        sa.UniqueConstraint("service", "use_case", "model", "deployment", "plan", name="series_names"),
    )
    op.create_table("minute", *_minute_key(), *_numbers(*counters), **_NO_ROWID)
    op.create_table(
        "minute_metric",
        *_minute_key(),
        sa.Column("metric", sa.Text, primary_key=True),
        *_numbers("n", "n_failed"),
        sa.Column("sum", sa.Float, nullable=False),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
        **_NO_ROWID,
    )
    op.create_table(
        "minute_limit",
        *_minute_key(),
        sa.Column("metric", sa.Text, primary_key=True),
        sa.Column("percentile", sa.Text, primary_key=True),
        *_numbers("n", "over_limit"),
        **_NO_ROWID,
    )


def _book_keeping() -> None:
    op.create_table(
        "position",
        sa.Column("gateway", sa.Text, primary_key=True),
        sa.Column("segment", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("created_us", sa.BigInteger, primary_key=True, autoincrement=False),
        *_numbers("slot"),
    )
    op.create_table(
        "plan",
        sa.Column("hash8", sa.Text, primary_key=True),
        *_texts("hash", "body"),
        *_numbers("first_seen_us", "last_seen_us"),
    )
    op.create_table("plan_body", sa.Column("digest", sa.Text, primary_key=True), *_texts("document"))
    op.create_table(
        "key",
        sa.Column("id", sa.Text, primary_key=True),
        *_texts("sha256"),
        *_texts("service", null=True),
        *_texts("services"),
        sa.Column("any_service", sa.Boolean, nullable=False),
        *_texts("use_case", null=True),
        *_texts("name"),
        *_numbers("created_us"),
        *_numbers("revoked_us", null=True),
    )
    op.create_index("key_sha256", "key", ["sha256"], unique=True)
    op.create_table("setting", sa.Column("name", sa.Text, primary_key=True), *_texts("value"))
