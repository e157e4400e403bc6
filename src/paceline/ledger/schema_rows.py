"""The tables of sums: what requests add up to, by series and time. Owns their names, types and resolutions.

Rows by series are kept at four resolutions with the same columns (`ROWS`), strata at two (`STRATA`). `minute` is in
all of them the minute since 1970 at which a row's time begins; a row of a coarser table covers `minutes` of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy import UniqueConstraint as Unique

metadata: Final = MetaData()

COUNTERS: Final = (
    *("n", "n_ok", "n_refused", "n_caller_error", "n_provider_error", "n_gateway_error", "n_cancelled"),
    *("n_truncated", "n_timeout_connect", "n_timeout_first_token", "n_timeout_stall", "n_timeout_total", "n_lost"),
    *("n_streamed", "n_off_standard", "n_untagged", "n_cap_added", "n_ended_by_length"),
    *("n_tokens", "n_tokens_estimated"),
    *("tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
    *("n_cost_due", "n_cost", "cost_nanousd", "n_compared", "compared_nanousd", "default_nanousd"),
    *("request_bytes", "response_bytes", "other_nanousd"),
)
"""The exact counters of a row, in the order of the native module's `MINUTE_COUNTERS`."""

STRATUM_COUNTERS: Final = (
    *("n", "n_ok", "n_failed", "n_refused", "n_caller_error", "n_cancelled", "n_streamed", "n_ended_by_length"),
    *("n_cut_by_cap", "n_retried", "n_fallback", "n_hedged", "n_cache_hit", "n_tokens"),
    *("tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
    *("n_cost_due", "n_cost", "cost_nanousd", "other_nanousd"),
)
"""The exact counters of a stratum, in the order of the native module's."""

PACKED: Final = ("limits", "measures")
"""Columns of a stratum that only the native module reads."""


def number(name: str) -> Column[int]:
    """Make a column of whole numbers that are always there."""
    return Column(name, BigInteger, nullable=False)


def words(name: str) -> Column[str]:
    """Make a column of text that is always there."""
    return Column(name, Text, nullable=False)


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _name(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


series: Final = Table(
    "series",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    *(words(name) for name in ("service", "use_case", "model", "deployment", "plan")),
    number("last_minute"),
    Unique("service", "use_case", "model", "deployment", "plan", name="series_names"),
)
"""What rows are kept apart by. Every row of a series is of a minute before `last_minute` and a day."""


@dataclass(frozen=True)
class RowTables:
    """The tables of rows by series at one resolution."""

    name: str
    minutes: int
    """Minutes that a row covers."""
    counters: Table
    """One series: exact counters."""
    metrics: Table
    """One metric of it: `n` values in the sketch, `n_failed` requests that count as infinite beside it."""
    limits: Table
    """One published limit of it: requests it judged, and of them those over it."""
    events: Table
    """What traffic rules did in it: one of the native module's `MINUTE_EVENTS`, how often, and the money it stands for
    (saved by a cache hit, spent on a hedge). No row for what did not happen."""

    @property
    def all(self) -> tuple[Table, ...]:
        """List the tables; the one that tells which rows there are comes last."""
        return self.metrics, self.limits, self.events, self.counters


def _row_tables(name: str, minutes: int) -> RowTables:
    def table(suffix: str, *columns: Column[object]) -> Table:
        return Table(name + suffix, metadata, _key("minute"), _key("series"), *columns, sqlite_with_rowid=False)

    return RowTables(
        name,
        minutes,
        counters=table("", *(number(counter) for counter in COUNTERS)),  # type: ignore[arg-type]
        metrics=table(
            "_metric",
            _name("metric"),  # type: ignore[arg-type]
            number("n"),  # type: ignore[arg-type]
            number("n_failed"),  # type: ignore[arg-type]
            Column("sum", Float, nullable=False),
            Column("sketch", LargeBinary, nullable=False),
        ),
        limits=table("_limit", _name("metric"), _name("percentile"), number("n"), number("over_limit")),  # type: ignore[arg-type]
        events=table("_event", _name("event"), number("n"), number("nanousd")),  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class StratumTable:
    """Strata at one resolution: a row per series and bucket of input and output length."""

    name: str
    minutes: int
    """Minutes that a row covers."""
    table: Table
    """Exact counters; limits and measures packed by the native module."""

    @property
    def all(self) -> tuple[Table, ...]:
        """List the tables."""
        return (self.table,)


def _stratum_table(name: str, minutes: int) -> StratumTable:
    table = Table(
        name,
        metadata,
        *(_key(key) for key in ("minute", "series")),
        *(Column(key, SmallInteger, primary_key=True, autoincrement=False) for key in STRATUM_BUCKETS),
        *(number(counter) for counter in STRATUM_COUNTERS),
        *(Column(packed, LargeBinary, nullable=False) for packed in PACKED),
        sqlite_with_rowid=False,
    )
    return StratumTable(name, minutes, table)


STRATUM_BUCKETS: Final = ("input_bucket", "output_bucket")

ROWS: Final = (
    _row_tables("minute", 1),
    _row_tables("ten_minute", 10),
    _row_tables("hour", 60),
    _row_tables("day", 1_440),
)
"""Rows by series, finest first."""

STRATA: Final = (_stratum_table("stratum", 10), _stratum_table("stratum_hour", 60))
"""Strata, finest first."""

resolution: Final = Table(
    "resolution",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rolled_until", BigInteger),
    number("kept_since"),
)
"""How far each of `ROWS` and `STRATA` reaches: it holds everything from the minute `kept_since` up to and without
`rolled_until`, which is NULL for what ingest itself writes."""
