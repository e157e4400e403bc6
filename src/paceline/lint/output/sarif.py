"""Findings as SARIF 2.1.0 (OASIS, errata 01).

All rules are declared, so that code scanning can close alerts; what pragmas, configuration and baseline hold back is
there as suppressed.

Limits are GitHub's: 25,000 results a run, of which it shows 5,000; what is past them goes worst last.
"""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from paceline.lint.findings import Finding
from paceline.lint.output.view import RANKS, View, line_of
from paceline.lint.pages import page, rows

RESULTS_MAX = 25_000
SHOWN_MAX = 5_000
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def document(view: View) -> str:
    """Write one run."""
    from paceline import __version__

    rules = _rules(view)
    index = {rule["id"]: at for at, rule in enumerate(rules)}
    findings = view.outcome.findings
    if len(findings) > SHOWN_MAX:
        findings = sorted(findings, key=lambda each: (each.held_by is not None, RANKS[each.severity], each))
    results = _results(view, findings[:RESULTS_MAX], index)
    driver = {"name": "paceline", "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notes(view, len(findings))}],
        "results": results,
        "properties": view.outcome.coverage,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rules(view: View) -> list[dict[str, Any]]:
    found = []
    for row in rows():
        text = page(row["code"])
        rule = {
            "id": row["code"],
            "name": row["name"],
            "shortDescription": {"text": row["summary"]},
            "help": {"text": text, "markdown": text},
            "defaultConfiguration": {"level": _LEVELS[row["severity"]]},
        }
        where = {"helpUri": f"{view.pages.rstrip('/')}/{row['code']}.md"} if view.pages else {}
        found.append({**rule, **where})
    return found


def _results(view: View, findings: list[Finding], index: dict[str, int]) -> list[dict[str, Any]]:
    """Write results; a fingerprint stays the same when lines move."""
    seen: Counter[tuple[str, str, str]] = Counter()
    results = []
    for each in findings:
        same = (each.path, each.code, each.message)
        seen[same] += 1
        mark = sha256("\0".join((*same, str(seen[same]))).encode("utf-8", "replace")).hexdigest()[:32]
        results.append(_result(view, each, index[each.code], mark))
    return results


def _result(view: View, finding: Finding, at: int, mark: str) -> dict[str, Any]:
    line = line_of(finding)
    region = {"startLine": line, "startColumn": finding.column} if line == finding.line else {"startLine": line}
    uri = {
        "uri": quote(view.repository_path(finding.path).encode("utf-8", "surrogateescape")),
        "uriBaseId": "%SRCROOT%",
    }
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": at,
        "level": _LEVELS[finding.severity],
        "message": {"text": view.said(finding)},
        "locations": [{"physicalLocation": {"artifactLocation": uri, "region": region}}],
        "partialFingerprints": {"paceline/v1": mark},
    }
    if finding.held_by in {"pragma", "config", "baseline"}:
        kind = "inSource" if finding.held_by == "pragma" else "external"
        result["suppressions"] = [{"kind": kind, "status": "accepted", "justification": finding.suppressed or ""}]
    if view.mode == "new-only":
        result["baselineState"] = "new" if finding.held_by is None else "unchanged"
    return result


def _notes(view: View, found: int) -> list[dict[str, Any]]:
    lines = view.trouble()
    if found > RESULTS_MAX:
        lines.append(f"{found - RESULTS_MAX} results are left out: a run may hold {RESULTS_MAX}")
    return [{"level": "warning", "message": {"text": line}} for line in lines]
