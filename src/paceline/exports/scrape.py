"""What the gateway's metrics text has for whoever writes queries: families, where their buckets end, outcomes.

Owns these names on this side; tests hold them against a running gateway's text. Must not know rules or panels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["BOUNDARIES_MISSING", "FAILED", "REQUESTS", "Histogram", "histogram_of", "le_matcher"]

REQUESTS: Final = "paceline_requests_total"
"""Requests by service, use case, model, deployment and outcome."""

FAILED: Final = (
    *("provider_error", "gateway_error", "truncated", "timeout_connect"),
    *("timeout_first_token", "timeout_stall", "timeout_total", "lost"),
)
"""Outcomes that count as over every limit."""

BOUNDARIES_MISSING: Final = "paceline_limits_without_boundary"
"""How many limits have no bucket that ends at them: 0 unless a metric has more than 44 different ones."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """A family of histograms whose buckets end at every published limit.

    `per_unit` turns a limit's value into the family's unit, `digits` is how many decimals a boundary has. `streamed`:
    only streamed answers have a value.
    """

    name: str
    streamed: bool = False
    per_unit: float = 1e-3
    digits: int = 6

    def boundary(self, limit: float) -> float:
        """Return where the bucket ends that holds what is within a limit."""
        return round(limit * self.per_unit, self.digits)


_HISTOGRAMS: Final = {
    "ttft_ms": Histogram("paceline_ttft_seconds", streamed=True),
    "ttfv_ms": Histogram("paceline_ttfv_seconds", streamed=True),
    "tpot_ms": Histogram("paceline_tpot_seconds", streamed=True, digits=9),
    "stall_ms": Histogram("paceline_stall_seconds", streamed=True),
    "total_ms": Histogram("paceline_total_seconds"),
    "cost_usd": Histogram("paceline_request_cost_usd", per_unit=1.0, digits=9),
}


def histogram_of(metric: str) -> Histogram | None:
    """Return the family that has a metric (by the ledger's name), if the gateway exposes one."""
    return _HISTOGRAMS.get(metric)


def le_matcher(boundary: float) -> str:
    """Write a label matcher for a boundary: `1` and `1.0`, `1e-05` and `0.00001` are the same to it.

    The gateway writes `1.0`; Prometheus keeps that in version 2 and writes `1` from version 3 on.
    """
    plain = f"{boundary:.9f}".rstrip("0").rstrip(".")
    if boundary == int(boundary):
        return f'le=~"{plain}([.]0)?"'
    digits, _, power = repr(boundary).partition("e-")
    if not power:
        return f'le="{plain}"'
    either = f"{plain}|{digits}e-0?{int(power)}".replace(".", "[.]")
    return f'le=~"{either}"'
