"""What the ledger holds, read straight from its tables, and whether its two stores agree."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from tests.integration.installation import Installation, until

from paceline.ledger.schema import minute, request, series

SUMS = ("tokens_input", "tokens_output", "request_bytes", "response_bytes")
OUTCOMES = ("ok", "refused", "caller_error", "gateway_error", "cancelled", "truncated", "lost")
NAMES = ("service", "use_case", "model", "deployment", "plan")


def rows(at: Installation) -> dict[str, dict[str, Any]]:
    """Return every request row by its request id, as the gateway's answers write it."""
    ledger = at.ledger()
    try:
        with ledger.engine.connect() as connection:
            found = [dict(row) for row in connection.execute(select(request)).mappings()]
    finally:
        ledger.close()
    return {row["id"].hex(): row for row in found}


def row(at: Installation, request_id: str) -> dict[str, Any]:
    """Wait for one request's row."""
    until(lambda: request_id in rows(at), f"request {request_id} in the ledger")
    return rows(at)[request_id]


def require_agreement(at: Installation) -> None:
    """Require that minute rows, series by series, count what the request rows add up to."""
    wanted: dict[tuple[Any, ...], dict[str, int]] = {}
    for one in rows(at).values():
        if one["api"] == "models":  # a list of models is in no minute row
            continue
        place = (one["start_us"] // 60_000_000, *(one[name] for name in NAMES))
        sums = wanted.setdefault(place, dict.fromkeys(("n", *(f"n_{name}" for name in OUTCOMES), *SUMS), 0))
        sums["n"] += 1
        if one["outcome"] in OUTCOMES:
            sums[f"n_{one['outcome']}"] += 1
        for name in SUMS:
            sums[name] += one[name]
    ledger = at.ledger()
    try:
        with ledger.engine.connect() as connection:
            joined = select(minute, *(series.c[name] for name in NAMES)).join(series, series.c.id == minute.c.series)
            found = [dict(one) for one in connection.execute(joined).mappings()]
    finally:
        ledger.close()
    told = {
        (one["minute"], *(one[name] for name in NAMES)): {name: one[name] for name in next(iter(wanted.values()))}
        for one in found
    }
    assert told == wanted
