"""The facts of single requests as Parquet, a batch of rows at a time: for DuckDB, pandas, Spark and what else reads it.

Owns the types: instants are timestamps in UTC, money is decimal US dollars, names are dictionaries, bit sets are lists
of names; other units are in the names of the columns. NULL is "did not happen" or "unknown". Needs pyarrow, the extra
`paceline[parquet]`. There is no text of prompts or answers in the ledger, and so none here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer

from paceline.exports.requests import REQUEST_COLUMNS, request_rows
from paceline.ledger import Ledger
from paceline.ledger.schema import request
from paceline.standards import METRICS, PERCENTILES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FACTS", "write_parquet"]

FACTS: Final = (
    *("streamed", "cap_added", "ended_by_length", "usage_added", "off_standard", "untagged", "tag_refused"),
    *("reconnected", "cap_by_caller", "filtered", "fallback", "hedged", "hedge_won", "assembled"),
    *("prompt_cache_added", "cap_learned", "unpriced_under_limit", "limit_near", "context_too_long"),
)
"""What the bits of `flags` say, in their order: `Flags` in `crates/types/src/record.rs`."""

_LIMITS: Final = tuple(
    metric if percentile == "mean" else f"{metric} {percentile}" for metric in METRICS for percentile in PERCENTILES
)
_SETS: Final = {"flags": FACTS, "judged": _LIMITS, "over_limit": _LIMITS}
_ROWS: Final = 20_000


def write_parquet(ledger: Ledger, path: Path, since: float, until: float, service: str | None = None) -> int:
    """Write the requests that began in a span, in their order; return how many.

    The file appears whole or not at all. Raises `ImportError` without pyarrow, `LedgerError`, `OSError`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(pa)
    part = path.with_name(f"{path.name}.part")
    rows = 0
    try:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for batch in request_rows(ledger, since, until, service, at_once=_ROWS):
                writer.write_batch(_batch(pa, schema, batch))
                rows += len(batch)
        os.replace(part, path)  # noqa: PTH105  # says what it does
    finally:
        part.unlink(missing_ok=True)
    return rows


def _schema(pa: Any) -> pa.Schema:
    return pa.schema([_field(pa, name) for name in REQUEST_COLUMNS])


def _field(pa: Any, name: str) -> pa.Field:
    if name == "id":
        return pa.field(name, pa.string(), nullable=False)
    if name == "start_us":
        return pa.field("started_at", pa.timestamp("us", tz="UTC"), nullable=False)
    if name.endswith("_nanousd"):
        return pa.field(f"{name.removesuffix('_nanousd')}_usd", pa.decimal128(18, 9))
    names = pa.dictionary(pa.int32(), pa.string())
    if name in _SETS:
        return pa.field(name, pa.list_(pa.string()), nullable=False)
    kind = request.c[name].type
    if isinstance(kind, BigInteger):
        return pa.field(name, pa.int64())
    return pa.field(name, pa.int32() if isinstance(kind, Integer) else names)


def _batch(pa: Any, schema: pa.Schema, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    columns = []
    for name, field, values in zip(REQUEST_COLUMNS, schema, zip(*rows, strict=True), strict=True):
        turned = _turned(name)
        found = [None if value is None else turned(value) for value in values] if turned else list(values)
        if pa.types.is_dictionary(field.type):
            columns.append(pa.array(found, field.type.value_type).dictionary_encode())
        else:
            columns.append(pa.array(found, field.type))
    return pa.record_batch(columns, schema=schema)


def _turned(name: str) -> Callable[[Any], Any] | None:
    """Return what a column's values become; none where they stay."""
    if name == "id":
        return lambda value: bytes(value).hex()
    if name.endswith("_nanousd"):
        return lambda value: Decimal(value).scaleb(-9)
    if name in _SETS:
        return lambda value: _members(value, _SETS[name])
    return None


@cache
def _members(bits: int, names: tuple[str, ...]) -> list[str]:
    return [name for place, name in enumerate(names) if bits >> place & 1]
