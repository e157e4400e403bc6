"""Prints the figures of the statistics beside their targets; ends with 1 when a target is missed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from paceline.governance.truth.detectors import DETECTORS
from paceline.governance.truth.suite import Row, Size, breach_rows, regression_rows, steps

__all__ = ["main", "table"]


_WIDTH = 140
"""Of the table where there is no terminal."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="make truth", description="What the statistics find and miss.")
    parser.add_argument("--runs", type=int, default=Size().regressions, help="runs of each regression (default 200)")
    parser.add_argument("--traces", type=Path, default=None, help="a directory with whole Azure traces")
    asked = parser.parse_args(arguments)
    size = Size(regressions=asked.runs)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("measuring", total=steps(size))

        def done(runs: int) -> None:
            progress.update(task, advance=runs)

        rows = [*breach_rows(size, done), *regression_rows(size, done, asked.traces)]
    console.print(table(rows))
    missed = [row for row in rows if not row.is_met]
    for row in missed:
        console.print(f"missed: {row.part}, {row.name}: {row.figure:.1f} {row.unit}, wanted {row.target}", style="red")
    return 1 if missed else 0


def table(rows: list[Row]) -> Table:
    """Set the figures beside their targets and the other detectors' figures."""
    drawn = Table(title="What the statistics find and miss")
    for name in ("part", "case", f"{DETECTORS[0]}", "unit", "target", DETECTORS[1], DETECTORS[2], "onset off by"):
        drawn.add_column(name)
    for row in rows:
        figure = f"{row.figure:.1f}" if row.unit.startswith("%") else f"{row.figure:.0f}"
        mark = "" if not row.target else " met" if row.is_met else " MISSED"
        beside = row.beside or ("", "", "")
        drawn.add_row(row.part, row.name, figure, row.unit, row.target + mark, *beside)
    return drawn


if __name__ == "__main__":
    sys.exit(main())
