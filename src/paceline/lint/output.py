"""Findings as text and as the forms that machines read. Every form has a fixed order.

Must not decide what counts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paceline.lint.findings import Finding
from paceline.lint.rules import OWN, all_rules
from paceline.lint.run import Outcome

FORMATS = ("concise", "full", "json", "sarif", "github")
_LEVELS = {"error": "error", "warning": "warning", "info": "notice", "unknown": "notice"}


def render(outcome: Outcome, form: str, show_unknown: bool) -> str:
    """Write an outcome in one of `FORMATS`."""
    shown = outcome.live + (outcome.unknown if show_unknown else [])
    match form:
        case "json":
            return _json(outcome, show_unknown)
        case "sarif":
            return json.dumps(_sarif(outcome), indent=2, ensure_ascii=False)
        case "github":
            return "\n".join([_github(each) for each in shown] + [coverage(outcome)])
        case "full":
            return "\n".join([_full(each) for each in shown] + _unread(outcome) + [coverage(outcome)])
        case _:
            return "\n".join([_concise(each) for each in shown] + _unread(outcome) + [coverage(outcome)])


def coverage(outcome: Outcome) -> str:
    """Write the line that ends every run."""
    counts = {
        severity: sum(each.severity == severity for each in outcome.live) for severity in ("error", "warning", "info")
    }
    held = len(outcome.findings) - len(outcome.live)
    found = f"{counts['error']} errors, {counts['warning']} warnings, {counts['info']} notes, {held} suppressed"
    facts = outcome.decided + outcome.undecided
    return (
        f"{found}; {outcome.sites} sites in {outcome.files} files, {facts} facts: {outcome.decided} decided, "
        f"{outcome.undecided} unknown"
    )


def _unread(outcome: Outcome) -> list[str]:
    return [f"{path}: skipped: {reason}" for path, reason in outcome.unread]


def _concise(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}:{finding.column}"
    return f"{place}: {finding.severity} {finding.code} {finding.message} [{finding.name}]"


def _full(finding: Finding) -> str:
    hint = f"  hint: {finding.hint}\n" if finding.hint else ""
    return f"{_concise(finding)}\n{_frame(finding)}{hint}"


def _frame(finding: Finding) -> str:
    try:
        lines = Path(finding.path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    if finding.line > len(lines):
        return ""
    line = lines[finding.line - 1].replace("\t", " ")[:160]
    return f"  {finding.line:>5} | {line}\n        | {' ' * (finding.column - 1)}^\n"


def _json(outcome: Outcome, show_unknown: bool) -> str:
    document: dict[str, Any] = {
        "version": 1,
        "coverage": outcome.coverage,
        "findings": [each.as_dict() for each in outcome.findings],
        "unread": [{"path": path, "reason": reason} for path, reason in outcome.unread],
    }
    if show_unknown:
        document["unknown"] = [each.as_dict() for each in outcome.unknown]
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sarif(outcome: Outcome) -> dict[str, Any]:
    rules = [(rule.code, rule.name, rule.summary) for rule in all_rules()]
    rules += [(code, name, summary) for code, (name, _, summary) in OWN.items()]
    driver = {
        "name": "paceline",
        "rules": [{"id": code, "name": name, "shortDescription": {"text": text}} for code, name, text in rules],
    }
    results = [_result(each) for each in outcome.findings]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    place = {"physicalLocation": {"artifactLocation": {"uri": finding.path}, "region": region}}
    level = "note" if finding.severity == "info" else finding.severity
    result: dict[str, Any] = {
        "ruleId": finding.code, "level": level, "message": {"text": f"{finding.message}. {finding.hint}"},
        "locations": [place],
    }  # fmt: skip
    if finding.suppressed is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.suppressed}]
    return result


def _github(finding: Finding) -> str:
    place = f"file={_escaped(finding.path, True)},line={finding.line},col={finding.column}"
    title = f"{finding.code} {finding.name}"
    return f"::{_LEVELS[finding.severity]} {place},title={title}::{_escaped(f'{finding.message}. {finding.hint}')}"


def _escaped(text: str, in_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text
