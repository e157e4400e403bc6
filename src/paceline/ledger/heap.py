"""Rows of one metric being merged: exact sums, sketches in bounded memory. Any order of adding gives the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

# Sketches that are held before they are merged into one.
_HELD: Final = 512


class Heap:
    """Values counted, requests that failed beside them, the values' sum, and their sketch."""

    def __init__(self) -> None:
        self.n = 0
        self.n_failed = 0
        self._totals: list[float] = []
        self._held: list[bytes] = []

    def add(self, n: int, n_failed: int, total: float, sketch: bytes) -> None:
        """Add a row."""
        self.n += n
        self.n_failed += n_failed
        self._totals.append(total)
        self._held.append(bytes(sketch))
        if len(self._held) >= _HELD:
            self._held, self._totals = [self.merged()], _few(self._totals)

    @property
    def total(self) -> float:
        """Return the sum of the rows' sums, rounded once."""
        return math.fsum(self._totals)

    def merged(self) -> bytes:
        """Return the sketch of all rows."""
        from paceline import _core

        return _core.merge(self._held)

    def quantiles(self, qs: Sequence[float]) -> list[float | None]:
        """Return quantiles of all rows, the failed counted as infinite; None where a rank falls among them."""
        from paceline import _core

        return _core.quantiles(self._held, list(qs), self.n_failed)


def _few(values: list[float]) -> list[float]:
    """Return few floats with the very same sum: its roundings, each of what the ones before leave."""
    kept: list[float] = []
    while (rest := math.fsum([*values, *(-each for each in kept)])) and math.isfinite(rest):
        kept.append(rest)
    return kept
