"""Single requests, newest first, a page at a time: what is behind a figure. There is no text in them.

Owns how far one question looks: rows lie in the order of time and of all services, so a page of one service reads past
the others', at most `LOOKED_MAX` of them; then it says from where on to go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Engine, select
from sqlalchemy.engine import RowMapping

from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.schema import request

__all__ = ["FAILED", "LIMITS", "LOOKED_MAX", "Filter", "Requests", "RequestsPage"]

Filter = Literal["service", "use_case", "model", "deployment", "outcome", "cache"]

LOOKED_MAX: Final = 20_000
"""Rows that one page reads past."""
_METRICS: Final = ("ttft_ms", "ttfv_ms", "tpot_ms", "stall_ms", "total_ms", "cost_usd", "error_share", "job_age_ms")
_PERCENTILES: Final = ("p50", "p90", "p95", "p99", "mean")
LIMITS: Final[Mapping[str, int]] = {
    f"{metric}.{percentile}": at * len(_PERCENTILES) + place
    for at, metric in enumerate(_METRICS)
    for place, percentile in enumerate(_PERCENTILES)
}
"""Bit of `judged` and `over_limit` by limit, written `ttft_ms.p95`; as in `crates/types/src/metric.rs`."""
FAILED: Final = "failed"
"""Stands for every outcome that counts as over a budget."""
_NOT_FAILED: Final = ("ok", "refused", "caller_error", "cancelled")
_ID_BYTES: Final = 16
_SAMPLE: Final = 2_000


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """Some requests, newest first."""

    rows: tuple[RowMapping, ...]
    """Columns of the table `request`."""
    older: str
    """Where the next page begins, for `before`; empty where there is nothing more."""


class Requests:
    """Rows of single requests. Every method raises `LedgerError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(  # noqa: PLR0913  # each by name: what is asked for
        self,
        since: float,
        until: float,
        filters: Mapping[Filter, str],
        *,
        over: str = "",
        before: str = "",
        most: int = 50,
    ) -> RequestsPage:
        """Return up to `most` requests that began in a span of Unix seconds, the newest first.

        `over` is one of `LIMITS`: only requests over it. `before` is an earlier page's `older`. Raises `ValueError` for
        another.
        """
        top = bytes.fromhex(before) if before else first_id(until)
        if len(top) != _ID_BYTES:
            raise ValueError("no place between requests")
        within = [request.c.id >= first_id(since), request.c.id < top]
        with translated("read requests"), reading(self._engine) as connection:
            bound = select(request.c.id).where(*within).order_by(request.c.id.desc()).offset(LOOKED_MAX).limit(1)
            chosen = [_is(name, value) for name, value in filters.items() if value]
            if over:
                chosen.append(request.c.over_limit.bitwise_and(1 << LIMITS[over]) != 0)
            lowest = connection.execute(bound).scalar() if chosen else None
            looked = [request.c.id >= lowest] if lowest is not None else []
            query = select(request).where(*within, *looked, *chosen).order_by(request.c.id.desc()).limit(most + 1)
            rows = connection.execute(query).mappings().all()
        if len(rows) > most:
            return RequestsPage(tuple(rows[:most]), _hex(rows[most - 1]["id"]))
        return RequestsPage(tuple(rows), _hex(lowest) if lowest is not None else "")

    def get(self, number: str) -> RowMapping | None:
        """Return one request by its id in hex, as `x-paceline-request-id` says it; none where there is none."""
        try:
            key = bytes.fromhex(number.replace("-", ""))
        except ValueError:
            return None
        with translated("read a request"), reading(self._engine) as connection:
            return connection.execute(select(request).where(request.c.id == key)).mappings().one_or_none()

    def times(self, service: str, since: float, until: float) -> list[tuple[float, ...]]:
        """Return where the time of some answers of a service went, milliseconds.

        Of each: in the queue, until the provider's head, until its first token, until its last, and in the gateway.
        They are among the span's first requests of all services, so that reading ends.
        """
        names = (
            "queue_us",
            "sent_us",
            "headers_us",
            "first_us",
            "last_us",
            "end_us",
            "overhead_in_ns",
            "overhead_back_ns",
        )
        span = request.c.id >= first_id(since), request.c.id < first_id(until)
        columns = [request.c[name] for name in ("service", "outcome", *names)]
        some = select(*columns).where(*span).order_by(request.c.id).limit(_SAMPLE).subquery("some").c
        query = select(*(some[name] for name in names)).where(some.service == service, some.outcome == "ok")
        with translated("read requests"), reading(self._engine) as connection:
            rows = connection.execute(query.where(some.sent_us.is_not(None), some.headers_us.is_not(None)))
            return [_times(*row) for row in rows]


def _is(name: Filter, value: str) -> ColumnElement[bool]:
    if name == "outcome" and value == FAILED:
        return request.c.outcome.not_in(_NOT_FAILED)
    return request.c[name] == value


def _times(  # noqa: PLR0913, PLR0917  # as the row reads
    queue: int | None,
    sent: int,
    headers: int,
    first: int | None,
    last: int | None,
    end: int | None,
    ours_in: int | None,
    ours_back: int | None,
) -> tuple[float, ...]:
    """Return the parts of one answer; one that was not streamed has no first token of its own."""
    begun = headers if first is None else first
    ended = next((at for at in (last, end) if at is not None), begun)
    ours = ((ours_in or 0) + (ours_back or 0)) / 1e6
    return (queue or 0) / 1e3, (headers - sent) / 1e3, (begun - headers) / 1e3, (ended - begun) / 1e3, ours


def _hex(number: Any) -> str:
    return bytes(number).hex()


def first_id(at: float) -> bytes:
    """Return the smallest id of a request that began at this time: ids begin with their milliseconds since 1970."""
    return max(0, int(at * 1000)).to_bytes(6, "big") + bytes(_ID_BYTES - 6)
