"""The report as Markdown, for an issue, a wiki page or a chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paceline.cli.rendering import cells

HEAD = ("Service", "Use case", "Owner", "Calls", "Metric", "p50", "p95", "p99", "Budget", "Over it")
RIGHT = {"Calls", "p50", "p95", "p99", "Over it"}


def render(document: Mapping[str, Any]) -> str:
    """Return the whole report."""
    rows = cells.services(document)
    lines = [f"# Services against their budgets, {cells.window(document)}", ""]
    if not rows:
        return "\n".join([*lines, "No calls in this window.", ""])
    lines += [_line(HEAD), _line(["---:" if name in RIGHT else "---" for name in HEAD])]
    lines += [_line(line) for row in rows for line in _metric_lines(row)]
    head = ("Service", "Use case", "Tokens", "Cost", "Cost known for", "Verdict")
    lines += ["", _line(head), _line(["---"] * len(head))]
    for row in rows:
        lines.append(_line((row.service, row.use_case, ", ".join(row.tokens), row.cost, row.coverage, row.story)))
    told = [f"- **{row.service} · {row.use_case}**: {'; '.join(row.traffic)}" for row in rows if row.traffic]
    lines += ["", *told] if told else []
    caps = [f"- {line}" for line in cells.caps(document)]
    lines += ["", "Output caps:", "", *caps] if caps else []
    return "\n".join([*lines, "", cells.overhead(document), "", f"_{cells.legend(rows)}_", ""])


def _metric_lines(row: cells.ServiceCells) -> Iterator[tuple[str, ...]]:
    who = (row.service, row.use_case, row.owner, row.requests)
    for metric in row.metrics:
        limits = metric.limits or (cells.LimitCells("", "", False),)
        for position, limit in enumerate(limits):
            values = (metric.name, metric.p50, metric.p95, metric.p99) if position == 0 else ("", "", "", "")
            budget = f"**{limit.limit}**" if limit.is_over else limit.limit
            yield (*who, *values, budget, limit.over)
            who = ("", "", "", "")


def _line(columns: tuple[str, ...] | list[str]) -> str:
    escaped = (column.replace("|", "\\|") for column in columns)
    return f"| {' | '.join(escaped)} |"
