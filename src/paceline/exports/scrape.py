"""What the gateway's metrics text has for whoever writes queries: families, boundaries of histograms, outcomes.

Owns these names on this side; tests hold them against a running gateway's text. Must not know rules or panels.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

__all__ = ["FAILED", "REQUESTS", "Histogram", "histogram_of", "le_matcher"]

REQUESTS: Final = "paceline_requests_total"
"""Requests by service, use case, model, deployment and outcome."""

FAILED: Final = (
    *("provider_error", "gateway_error", "truncated", "timeout_connect"),
    *("timeout_first_token", "timeout_stall", "timeout_total", "lost"),
)
"""Outcomes that count as over every limit."""

_LATENCY_S: Final = (
    *(0.015, 0.03, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0),
    *(1.5, 2.0, 3.0, 4.5, 6.0, 10.0, 20.0, 30.0, 60.0, 300.0),
)
_TPOT_S: Final = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.08, 0.1, 0.15, 0.175, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Histogram:
    """A family of histograms in seconds. `streamed`: only streamed answers have a value."""

    name: str
    boundaries: tuple[float, ...]
    streamed: bool = False

    def boundary(self, seconds: float) -> float | None:
        """Return the boundary at a limit, or the next one above it; none where it is past the last.

        Above, so that a request within its limit is never counted as over it.
        """
        at = bisect_left(self.boundaries, seconds)
        return self.boundaries[at] if at < len(self.boundaries) else None


_HISTOGRAMS: Final = {
    "ttft_ms": Histogram("paceline_ttft_seconds", _LATENCY_S, streamed=True),
    "tpot_ms": Histogram("paceline_tpot_seconds", _TPOT_S, streamed=True),
    "total_ms": Histogram("paceline_total_seconds", _LATENCY_S),
}


def histogram_of(metric: str) -> Histogram | None:
    """Return the family that has a metric (by the ledger's name), if the gateway exposes one."""
    return _HISTOGRAMS.get(metric)


def le_matcher(boundary: float) -> str:
    """Write a label matcher for a boundary: older and newer Prometheus spell whole numbers differently."""
    text = re.escape(f"{boundary:g}").replace("\\", "\\\\")
    return f'le=~"{text}(\\\\.0)?"' if boundary == int(boundary) else f'le="{boundary:g}"'
