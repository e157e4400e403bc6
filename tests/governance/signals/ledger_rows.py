"""Writes the ledger's sums as ingest would leave them, for tests of what reads them. One row a piece of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert

from paceline.ledger import Ledger
from paceline.ledger.schema import COUNTERS, minute, minute_event, minute_limit, request, series, spend

NOW = 1_795_435_200 + 95
"""2026-11-23 12:01:35 UTC, a Monday: the minute at noon is settled."""
NOON = 1_795_435_200
HOUR = 3_600
DAY = 86_400
WEEK = 7 * DAY


@dataclass
class Rows:
    """Writes rows; `ago` is in seconds before noon, the row's minute ends so long ago at the earliest."""

    ledger: Ledger
    series: dict[tuple[str, ...], int] = field(default_factory=dict)
    requests: int = 0

    def put(
        self,
        ago: float,
        service: str = "helpdesk",
        use_case: str = "support-chat",
        model: str = "small",
        *,
        events: dict[str, tuple[int, int]] | None = None,
        errors: tuple[int, int] | None = None,
        deployment: str = "sim/small-8b",
        **counters: int,
    ) -> None:
        """Write counters (all answered unless said otherwise), events and requests judged by the error limit."""
        n = counters.get("n", 0)
        told = {"n_ok": n, "n_cost_due": n, "n_cost": n, **counters}
        at = {"minute": int(NOON - ago) // 60, "series": self._series(service, use_case, model, deployment)}
        with self.ledger.engine.begin() as connection:
            connection.execute(insert(minute).values({**dict.fromkeys(COUNTERS, 0), **told, **at}))
            for event, (many, nanousd) in (events or {}).items():
                connection.execute(insert(minute_event).values({**at, "event": event, "n": many, "nanousd": nanousd}))
            if errors is not None:
                limit = {"metric": "error_share", "percentile": "mean", "n": errors[0], "over_limit": errors[1]}
                connection.execute(insert(minute_limit).values({**at, **limit}))

    def spent(self, days: dict[int, float], service: str = "helpdesk") -> None:
        """Write US dollars by days before today."""
        today = NOON // DAY
        rows = [
            {"day": today - ago, "kind": "service", "name": service, "nanousd": round(usd * 1e9)}
            for ago, usd in days.items()
        ]
        with self.ledger.engine.begin() as connection:
            connection.execute(insert(spend), rows)

    def used(self, ago: float, key: str, service: str, n: int) -> None:
        """Write request rows of a key."""
        for _ in range(n):
            self.requests += 1
            at_ms = int((NOON - ago) * 1000) + self.requests
            identity = at_ms.to_bytes(6, "big") + self.requests.to_bytes(10, "big")
            values: dict[str, Any] = {"id": identity, "key_id": key, "service": service, "start_us": at_ms * 1000}
            empty = {
                column.name: "" if column.type.python_type is str else 0
                for column in request.columns
                if not column.nullable and column.name not in values
            }
            with self.ledger.engine.begin() as connection:
                connection.execute(insert(request).values({**empty, **values}))

    def _series(self, service: str, use_case: str, model: str, deployment: str) -> int:
        names = (service, use_case, model, deployment, "p")
        if names not in self.series:
            values = dict(zip(("service", "use_case", "model", "deployment", "plan"), names, strict=True))
            with self.ledger.engine.begin() as connection:
                made = connection.execute(insert(series).values({**values, "last_minute": 1 << 40}))
            self.series[names] = made.inserted_primary_key[0]  # type: ignore[index]
        return self.series[names]
