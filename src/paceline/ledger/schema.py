"""The ledger's tables, as SQLAlchemy Core sees them. Owns names and types; what made them is in `migrations`.

Units are in the names: `_us` microseconds, `_ns` nanoseconds, `_nanousd` billionths of a US dollar, `minute` whole
minutes since 1970. NULL means "did not happen" or "unknown", never zero. A request's `id` begins with its
milliseconds since 1970, so that order by id is order by time.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData()

_NAMES = ("plan", "api", "outcome", "mode", "token_source")
_SMALL = ("code", "status", "provider_status", "attempts")
_TIMES = (
    *("body_us", "sent_us", "headers_us", "first_us", "visible_us", "last_us", "end_us"),
    *("ttft_us", "ttfv_us", "tpot_ns", "stall_us", "total_us"),
    *("overhead_in_ns", "overhead_back_ns", "connect_us"),
)
_COUNTS = (
    *("events", "tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
    *("request_bytes", "response_bytes", "cap_tokens"),
)
_WORDS = (
    *("service", "use_case", "deployment", "model", "key_id"),
    *("model_asked", "session", "reason", "model_served", "provider_request"),
)
_TRAFFIC = ("lane", "cache", "prefix")

COUNTERS: Final = (
    *("n", "n_ok", "n_refused", "n_caller_error", "n_provider_error", "n_gateway_error", "n_cancelled"),
    *("n_truncated", "n_timeout_connect", "n_timeout_first_token", "n_timeout_stall", "n_timeout_total", "n_lost"),
    *("n_streamed", "n_off_standard", "n_untagged", "n_cap_added", "n_ended_by_length"),
    *("n_tokens", "n_tokens_estimated"),
    *("tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
    *("n_cost_due", "n_cost", "cost_nanousd", "n_compared", "compared_nanousd", "default_nanousd"),
    *("request_bytes", "response_bytes", "other_nanousd"),
)
"""The exact counters of a minute row, in the order of the native module's `MINUTE_COUNTERS`."""


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


request: Final = Table(
    "request",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    _number("start_us"),
    *(_text(name) for name in _NAMES),
    _number("flags"),
    *(Column(name, Integer, nullable=False) for name in _SMALL),
    *(Column(name, BigInteger) for name in _TIMES),
    *(_number(name) for name in _COUNTS),
    Column("cost_nanousd", BigInteger),
    Column("default_cost_nanousd", BigInteger),
    _number("judged"),
    _number("over_limit"),
    *(_text(name) for name in _WORDS),
    *(_text(name) for name in _TRAFFIC),
    Column("queue_us", BigInteger),
    Column("retry_us", BigInteger),
    _number("other_cost_nanousd"),
    sqlite_with_rowid=False,
)
"""One row per usage record, the columns in the order of the native module's `REQUEST_COLUMNS`."""

series: Final = Table(
    "series",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    *(_text(name) for name in ("service", "use_case", "model", "deployment", "plan")),
    UniqueConstraint("service", "use_case", "model", "deployment", "plan", name="series_names"),
)
"""What minute rows are kept apart by."""

minute: Final = Table(
    "minute",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    *(_number(name) for name in COUNTERS),
    sqlite_with_rowid=False,
)
"""One series in one minute of the requests' starts: exact counters."""

minute_metric: Final = Table(
    "minute_metric",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    Column("metric", Text, primary_key=True),
    _number("n"),
    _number("n_failed"),
    Column("sum", Float, nullable=False),
    Column("sketch", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""One metric of a minute row: `n` values in the sketch, `n_failed` requests that count as infinite beside it."""

minute_limit: Final = Table(
    "minute_limit",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    Column("metric", Text, primary_key=True),
    Column("percentile", Text, primary_key=True),
    _number("n"),
    _number("over_limit"),
    sqlite_with_rowid=False,
)
"""One published limit of a minute row: requests it judged, and of them those over it."""

minute_event: Final = Table(
    "minute_event",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("series", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Text, primary_key=True),
    _number("n"),
    _number("nanousd"),
    sqlite_with_rowid=False,
)
"""What traffic rules did in a minute: one of the native module's `MINUTE_EVENTS`, how often, and the money it stands
for (saved by a cache hit, spent on a hedge). No row for what did not happen."""

spend: Final = Table(
    "spend",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    _number("nanousd"),
    sqlite_with_rowid=False,
)
"""Money spent on a UTC day (whole days since 1970) by a key, service, use case, team or deployment, other attempts
included. Written in the transaction that takes the records in, so that it and `position` are of one moment."""

cap_change: Final = Table(
    "cap_change",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("use_case"),
    _number("at_us"),
    Column("cap_from", BigInteger),
    Column("cap_to", BigInteger),
    _text("why"),
    _number("n_before"),
    _number("n_cut_before"),
    Index("cap_change_use_case", "use_case", "at_us"),
)
"""Every change of a learned output cap; `cap_to` is NULL where the class's holds again. The last two columns are what
the change is judged against: answers under the cap before, and of them those it cut short."""

position: Final = Table(
    "position",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("created_us", BigInteger, primary_key=True, autoincrement=False),
    _number("slot"),
)
"""How far each journal segment has been taken in. Written in the transaction that takes it in.

`created_us` tells a segment from another of the same number: a journal restored from an old copy counts again.
"""

plan: Final = Table(
    "plan",
    metadata,
    Column("hash8", Text, primary_key=True),
    _text("hash"),
    _text("body"),
    _number("first_seen_us"),
    _number("last_seen_us"),
)
"""Every plan that was made. `hash8`: the first 16 hex digits, as records carry them."""

plan_body: Final = Table("plan_body", metadata, Column("digest", Text, primary_key=True), _text("document"))
"""Plan documents without their keys; plans that differ only in keys share one."""

key: Final = Table(
    "key",
    metadata,
    Column("id", Text, primary_key=True),
    _text("sha256"),
    Column("service", Text),
    _text("services"),
    Column("any_service", Boolean, nullable=False),
    Column("use_case", Text),
    _text("name"),
    _number("created_us"),
    Column("revoked_us", BigInteger),
    _text("limits"),
    Index("key_sha256", "sha256", unique=True),
)
"""Virtual keys: only the SHA-256 of their text. `services` is a JSON array, `limits` a JSON object of those it has."""

setting: Final = Table("setting", metadata, Column("name", Text, primary_key=True), _text("value"))
"""Named values that must outlive a restart: the key table's version, the admin key's hash."""
