"""Coarser rows and strata: ten minutes and hours beside minutes, and how far each of them reaches.

Minute rows that are there are rolled up from the oldest on as soon as the new version runs. Strata of older requests
are counted from their rows, as far back as these go; before that there are none, for those lengths are lost.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

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
_STRATUM_COUNTERS = (
    *("n", "n_ok", "n_failed", "n_refused", "n_caller_error", "n_cancelled", "n_streamed", "n_ended_by_length"),
    *("n_cut_by_cap", "n_retried", "n_fallback", "n_hedged", "n_cache_hit", "n_tokens"),
    *("tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
    *("n_cost_due", "n_cost", "cost_nanousd", "other_nanousd"),
)


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _key(*names: str, kind: type[sa.types.TypeEngine[int]] = sa.BigInteger) -> list[sa.Column[int]]:
    return [sa.Column(name, kind, primary_key=True, autoincrement=False) for name in names]


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    """Make the tables and note that nothing is rolled up yet."""
    for name in ("ten_minute", "hour"):
        _rows(name)
    for name in ("stratum", "stratum_hour"):
        key: list[sa.Column[Any]] = [
            *_key("minute", "series"),
            *_key("input_bucket", "output_bucket", kind=sa.SmallInteger),
        ]
        columns: list[sa.Column[Any]] = [*_numbers(*_STRATUM_COUNTERS), _bytes("limits"), _bytes("measures")]
        op.create_table(name, *key, *columns, **_NO_ROWID)
    op.create_table("resolution", _word("name"), sa.Column("rolled_until", sa.BigInteger), *_numbers("kept_since"))
    state = sa.table("resolution", sa.column("name"), sa.column("rolled_until"), sa.column("kept_since"))
    reach = {"minute": None, "ten_minute": 0, "hour": 0, "stratum": None, "stratum_hour": 0}
    rows = [{"name": name, "rolled_until": until, "kept_since": 0} for name, until in reach.items()]
    op.bulk_insert(state, rows)
    _last_minutes()
    _strata_since()


def _strata_since() -> None:
    """Note from which hour on strata will be whole, where there are requests from before."""
    request = sa.table("request", sa.column("id"))
    setting = sa.table("setting", sa.column("name"), sa.column("value"))
    if op.get_bind().execute(sa.select(request.c.id).limit(1)).first() is not None:
        hour = (int(time.time()) // 3600 + 1) * 60
        op.bulk_insert(setting, [{"name": "strata_since", "value": str(hour)}])


def _rows(name: str) -> None:
    op.create_table(name, *_key("minute", "series"), *_numbers(*_COUNTERS), **_NO_ROWID)
    measured: list[sa.Column[Any]] = [
        *_numbers("n", "n_failed"),
        sa.Column("sum", sa.Float, nullable=False),
        _bytes("sketch"),
    ]
    op.create_table(f"{name}_metric", *_key("minute", "series"), _word("metric"), *measured, **_NO_ROWID)
    judged: list[sa.Column[Any]] = [_word("metric"), _word("percentile"), *_numbers("n", "over_limit")]
    op.create_table(f"{name}_limit", *_key("minute", "series"), *judged, **_NO_ROWID)
    op.create_table(f"{name}_event", *_key("minute", "series"), _word("event"), *_numbers("n", "nanousd"), **_NO_ROWID)


def _last_minutes() -> None:
    """Give every series the newest minute of all: later than its own at worst, and found without reading every row."""
    op.add_column("series", sa.Column("last_minute", sa.BigInteger, nullable=False, server_default="0"))
    minute = sa.table("minute", sa.column("minute"))
    series = sa.table("series", sa.column("last_minute"))
    newest = op.get_bind().execute(sa.select(sa.func.max(minute.c.minute))).scalar()
    op.execute(sa.update(series).values(last_minute=newest or 0))
