"""Requests: the rows behind a figure, newest first. Figures only: the ledger has no text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from paceline.dashboard.sources import Sources
from paceline.dashboard.spans import TimeSpan
from paceline.ledger.requests import LIMITS, LOOKED_MAX, Filter, RequestsPage

__all__ = ["COLUMNS", "FILTERS", "RequestsFilterError", "csv_rows", "values"]

FILTERS: Final[tuple[Filter, ...]] = ("service", "use_case", "model", "deployment", "outcome", "cache")
COLUMNS: Final = (
    *("id", "start_us", "service", "use_case", "model", "deployment", "outcome", "status", "cache", "attempts"),
    *("queue_us", "ttft_us", "tpot_ns", "stall_us", "total_us", "overhead_in_ns", "overhead_back_ns"),
    *("tokens_input", "tokens_cached", "tokens_output", "tokens_reasoning", "cost_nanousd"),
)
_MOST: Final = 50
_CSV_MOST: Final = 1_000


class RequestsFilterError(ValueError):
    """The address asks for a limit or a place that there is not."""


def values(sources: Sources, span: TimeSpan, chosen: Mapping[str, str | None], before: str) -> dict[str, Any]:
    """Return what the template needs; `chosen` are `FILTERS` and `over`. Raises `RequestsFilterError`."""
    page = _page(sources, span, chosen, before, _MOST)
    return {
        "rows": page.rows,
        "older": page.older,
        "chosen": chosen,
        "looked_max": LOOKED_MAX,
        "over_words": (chosen.get("over") or "").replace("_ms", "").replace("_usd", "").replace(".", " "),
        "before": before,
    }


def csv_rows(sources: Sources, span: TimeSpan, chosen: Mapping[str, str | None], before: str) -> Iterator[list[Any]]:
    """Yield up to a thousand rows of `COLUMNS`. Raises `RequestsFilterError`."""
    for row in _page(sources, span, chosen, before, _CSV_MOST).rows:
        yield [bytes(row["id"]).hex(), *(row[name] for name in COLUMNS[1:])]


def _page(sources: Sources, span: TimeSpan, chosen: Mapping[str, str | None], before: str, most: int) -> RequestsPage:
    over = chosen.get("over") or ""
    if over and over not in LIMITS:
        raise RequestsFilterError(f"there is no limit {over}: write one as ttft_ms.p95")
    filters: dict[Filter, str] = {name: chosen.get(name) or "" for name in FILTERS}
    try:
        return sources.ledger.requests.page(span.since, span.until, filters, over=over, before=before, most=most)
    except ValueError as error:
        raise RequestsFilterError("`before` is no place between requests") from error
