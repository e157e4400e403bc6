"""The report on a terminal, and plain when piped."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import IO, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from paceline.cli.rendering import cells

# Piped output has no width of its own; this one fits a wide terminal and a pasted code block.
PIPED_COLUMNS = 110
# Below this, tokens and cost move from the table to the lines under it.
WHOLE_COLUMNS = 106
_MARKS = {
    "within": Text("ok", style="green"),
    "over": Text("over", style="bold red"),
    "too_few": Text("?", style="yellow"),
    "no_traffic": Text("-", style="dim"),
    "no_budget": Text("-", style="dim"),
}


def console(file: IO[str] | None = None) -> Console:
    """Return a console that knows when to be plain: piped, or NO_COLOR."""
    out = file or sys.stdout
    wide = None if out.isatty() else PIPED_COLUMNS
    return Console(file=out, width=wide, highlight=False, soft_wrap=False)


def show(document: Mapping[str, Any], following: str, file: IO[str] | None = None) -> None:
    """Print the report; `following` is the line to type next."""
    out = console(file)
    rows = cells.services(document)
    out.print(Text(f"Services against their budgets, {cells.window(document)}", style="bold"))
    if not rows:
        out.print("\nNo calls in this window.")
    else:
        whole = out.width >= WHOLE_COLUMNS
        out.print()
        out.print(_table(rows, whole))
        out.print()
        out.print(_verdicts(rows, whole))
        out.print()
        out.print(Text(cells.legend(rows), style="dim"))
        out.print(cells.overhead(document))
        _caps(out, cells.caps(document))
    out.print(f"\nNext: {following}", soft_wrap=True)


def _table(rows: Iterable[cells.ServiceCells], whole: bool) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_lines=False,
        pad_edge=False,
        collapse_padding=True,
        show_edge=False,
    )
    table.add_column("Service", no_wrap=True)
    table.add_column("Calls", justify="right", no_wrap=True)
    table.add_column("Metric", no_wrap=True)
    for name in ("p50", "p95", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Budget", no_wrap=True)
    table.add_column("Over it", justify="right", no_wrap=True)
    if whole:
        table.add_column("Tokens and cost", no_wrap=True)
    for row in rows:
        block = _block(row)
        table.add_row(*(block if whole else block[:-1]))
        table.add_section()
    return table


def _block(row: cells.ServiceCells) -> list[Text]:
    left = Text("\n").join(
        [Text(row.service, style="bold"), Text(row.use_case), Text(f"owner {row.owner}", style="dim")]
    )
    columns = [Text() for _ in range(6)]
    for metric in row.metrics:
        limits = metric.limits or (cells.LimitCells("", "", False),)
        for position, limit in enumerate(limits):
            values = (metric.name, metric.p50, metric.p95, metric.p99) if position == 0 else ("", "", "", "")
            style = "red" if limit.is_over else ""
            for column, value in zip(columns, (*values, limit.limit, limit.over), strict=True):
                column.append(f"{value}\n", style=style if column in columns[4:] else "")
    for column in columns:
        column.rstrip()
    return [left, Text(row.requests), *columns, Text("\n".join(_spent(row)))]


def _spent(row: cells.ServiceCells) -> tuple[str, ...]:
    return row.tokens if row.state == "no_traffic" else (*row.tokens, f"{row.cost} ({row.coverage} known)")


def _story(row: cells.ServiceCells, whole: bool) -> list[str]:
    return [row.story, *([] if whole else [", ".join(_spent(row))]), *row.traffic]


def _caps(out: Console, lines: list[str]) -> None:
    if lines:
        out.print(Text("\nOutput caps", style="bold"))
    for line in lines:
        out.print(Text(f"  {line}"))


def _verdicts(rows: Iterable[cells.ServiceCells], whole: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    for row in rows:
        table.add_row(
            _MARKS[row.state],
            Text(f"{row.service} · {row.use_case}"),
            Text("\n".join(_story(row, whole))),
        )
    return table
