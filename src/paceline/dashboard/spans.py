"""The time a page is about: one of a few lengths up to now, in every page's address as `range`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from paceline.ledger.reading import Resolution

__all__ = ["RANGES", "Range", "TimeSpan", "span_of"]

Range = Literal["1h", "24h", "7d", "28d"]

RANGES: Final[dict[Range, tuple[int, Resolution, int, str]]] = {
    "1h": (3_600, 1, 1, "the last hour"),
    "24h": (86_400, 10, 10, "the last 24 hours"),
    "7d": (7 * 86_400, 60, 60, "the last 7 days"),
    "28d": (28 * 86_400, 60, 360, "the last 28 days"),
}
"""Length in seconds, the rows that are read, the minutes of one point of a chart, in words."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A span of Unix seconds."""

    name: Range
    since: float
    until: float
    resolution: Resolution
    point: int
    """Minutes of one point of a chart."""
    words: str

    @property
    def length(self) -> float:
        """Seconds."""
        return self.until - self.since


def span_of(name: Range, now: float) -> TimeSpan:
    """Return the span of a name that ends with the last whole minute."""
    length, resolution, point, words = RANGES[name]
    until = now // 60 * 60
    return TimeSpan(name, until - length, until, resolution, point, words)
