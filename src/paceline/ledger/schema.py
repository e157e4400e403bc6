"""The ledger's tables, as SQLAlchemy Core sees them. Owns names and types; what made them is in `migrations`.

Those that hold sums of requests are in `schema_rows`.

Units are in the names: `_us` microseconds, `_ns` nanoseconds, `_nanousd` billionths of a US dollar, `minute` whole
minutes since 1970. NULL means "did not happen" or "unknown", never zero. A request's `id` begins with its
milliseconds since 1970, so that order by id is order by time.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from paceline.ledger.schema_governance import audit, event, exclusion, lease, lint, look, outbox, review, token, waiver
from paceline.ledger.schema_incidents import incident, incident_event, limit_test
from paceline.ledger.schema_rows import (
    COUNTERS,
    ROWS,
    STRATA,
    STRATUM_COUNTERS,
    metadata,
    number,
    resolution,
    series,
    words,
)

__all__ = [
    "COUNTERS",
    "ROWS",
    "STRATA",
    "STRATUM_COUNTERS",
    "audit",
    "cap_change",
    "event",
    "exclusion",
    "incident",
    "incident_event",
    "key",
    "lease",
    "limit_test",
    "lint",
    "look",
    "metadata",
    "minute",
    "minute_event",
    "minute_limit",
    "minute_metric",
    "outbox",
    "plan",
    "plan_body",
    "position",
    "request",
    "resolution",
    "review",
    "series",
    "setting",
    "spend",
    "token",
    "waiver",
]

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

request: Final = Table(
    "request",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    number("start_us"),
    *(words(name) for name in _NAMES),
    number("flags"),
    *(Column(name, Integer, nullable=False) for name in _SMALL),
    *(Column(name, BigInteger) for name in _TIMES),
    *(number(name) for name in _COUNTS),
    Column("cost_nanousd", BigInteger),
    Column("default_cost_nanousd", BigInteger),
    number("judged"),
    number("over_limit"),
    *(words(name) for name in _WORDS),
    *(words(name) for name in _TRAFFIC),
    Column("queue_us", BigInteger),
    Column("retry_us", BigInteger),
    number("other_cost_nanousd"),
    sqlite_with_rowid=False,
)
"""One row per usage record, the columns in the order of the native module's `REQUEST_COLUMNS`."""

minute, minute_metric, minute_limit, minute_event = (
    ROWS[0].counters,
    ROWS[0].metrics,
    ROWS[0].limits,
    ROWS[0].events,
)
"""The finest rows: one series in one minute of the requests' starts."""

spend: Final = Table(
    "spend",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    number("nanousd"),
    sqlite_with_rowid=False,
)
"""Money spent on a UTC day (whole days since 1970) by a key, service, use case, team or deployment, other attempts
included. Written in the transaction that takes the records in, so that it and `position` are of one moment."""

cap_change: Final = Table(
    "cap_change",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    words("use_case"),
    number("at_us"),
    Column("cap_from", BigInteger),
    Column("cap_to", BigInteger),
    words("why"),
    number("n_before"),
    number("n_cut_before"),
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
    number("slot"),
)
"""How far each journal segment has been taken in. Written in the transaction that takes it in.

`created_us` tells a segment from another of the same number: a journal restored from an old copy counts again.
"""

plan: Final = Table(
    "plan",
    metadata,
    Column("hash8", Text, primary_key=True),
    words("hash"),
    words("body"),
    number("first_seen_us"),
    number("last_seen_us"),
)
"""Every plan that was made. `hash8`: the first 16 hex digits, as records carry them."""

plan_body: Final = Table("plan_body", metadata, Column("digest", Text, primary_key=True), words("document"))
"""Plan documents without their keys; plans that differ only in keys share one."""

key: Final = Table(
    "key",
    metadata,
    Column("id", Text, primary_key=True),
    words("sha256"),
    Column("service", Text),
    words("services"),
    Column("any_service", Boolean, nullable=False),
    Column("use_case", Text),
    words("name"),
    number("created_us"),
    Column("revoked_us", BigInteger),
    words("limits"),
    Index("key_sha256", "sha256", unique=True),
)
"""Virtual keys: only the SHA-256 of their text. `services` is a JSON array, `limits` a JSON object of those it has."""

setting: Final = Table("setting", metadata, Column("name", Text, primary_key=True), words("value"))
"""Named values that must outlive a restart: the key table's version, the admin key's hash."""
