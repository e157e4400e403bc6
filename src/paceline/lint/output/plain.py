"""Findings as JSON: one document, or one object a line. What is held back is there too, with what holds it."""

from __future__ import annotations

import json
from typing import Any

from paceline.lint.findings import Finding
from paceline.lint.output.view import View

VERSION = 1


def document(view: View) -> str:
    """Write one JSON document."""
    outcome = view.outcome
    found: dict[str, Any] = {
        "version": VERSION,
        "mode": view.mode,
        "coverage": outcome.coverage,
        "counts": outcome.counts(),
        "findings": [_row(view, each) for each in outcome.findings],
        "unread": [{"path": path, "reason": reason} for path, reason in outcome.unread],
        "notes": [line for _, line in outcome.absent] + list(view.notes),
    }
    if view.show_unknown:
        found["unknown"] = [_row(view, each) for each in outcome.unknown]
    return json.dumps(found, indent=2, ensure_ascii=False)


def lines(view: View) -> str:
    """Write one object a line; the last one is the coverage."""
    outcome = view.outcome
    rows: list[dict[str, Any]] = [{"type": "finding", **_row(view, each)} for each in outcome.findings]
    if view.show_unknown:
        rows += [{"type": "unknown", **_row(view, each)} for each in outcome.unknown]
    rows += [{"type": "unread", "path": path, "reason": reason} for path, reason in outcome.unread]
    rows.append({"type": "coverage", "mode": view.mode, **outcome.coverage, "counts": outcome.counts()})
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in rows)


def _row(view: View, finding: Finding) -> dict[str, Any]:
    """Write a finding; in a notebook `line` counts over all code cells, so cell and line in it are said, too."""
    cell = view.cell(finding)
    return finding.as_dict() | ({} if cell is None else {"cell": cell[0], "cell_line": cell[1]})
