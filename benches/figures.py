"""Figures and how they are printed: minimum, median, ratios of sides that took turns.

Owns the arithmetic and the tables; a figure keeps every round, so that a reader can judge its spread.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Turns:
    """What each round of each side cost, in the order of the rounds."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, side: str, cost: float) -> None:
        """Note one round."""
        self.rounds.setdefault(side, []).append(cost)

    def median(self, side: str) -> float:
        """Median over the side's rounds."""
        return statistics.median(self.rounds[side])

    def least(self, side: str) -> float:
        """Minimum over the side's rounds."""
        return min(self.rounds[side])

    def ratios(self, side: str, to: str) -> list[float]:
        """Ratio of each round to the other side's round nearest in time, ascending."""
        return sorted(mine / theirs for mine, theirs in zip(self.rounds[side], self.rounds[to], strict=True))


def turns(sides: Sequence[str], pairs: int) -> Iterable[str]:
    """A B B A A B B A …: each side comes as often first as last, so that a drift of the machine hits all alike."""
    for number in range(pairs):
        yield from sides if number % 2 == 0 else reversed(sides)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; the first column is text, the others are figures."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    print(f"\n{title}")
    for line in lines:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        print("  " + "  ".join(cells).rstrip())
