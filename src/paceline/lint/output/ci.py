"""Findings in the forms of continuous integration: GitHub's annotations, GitLab's code quality, JUnit.

GitHub shows 10 annotations of a kind from a step and 50 from a job, and drops the rest without a word: what stands on
changed lines and what is worst goes first, the rest is listed in the log.
"""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256

from paceline.lint.findings import Finding
from paceline.lint.output.text import line
from paceline.lint.output.view import View, is_notebook, line_of

STEP_MAX = 10
_KINDS = {"error": "error", "warning": "warning", "info": "notice", "unknown": "notice"}
_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def github(view: View) -> str:
    """Write annotations, then in plain lines what there is no room for."""
    room = Counter(dict.fromkeys(("error", "warning", "notice"), STEP_MAX))
    annotated, listed = [], []
    for each in view.worst_first():
        kind = _KINDS[each.severity]
        if room[kind] > 0:
            room[kind] -= 1
            annotated.append(_annotation(view, each, kind))
        else:
            listed.append(each)
    rest = [line(view, each) for each in sorted(listed)]
    if rest:
        rest.insert(
            0, f"{len(rest)} more are listed here alone: GitHub shows {STEP_MAX} annotations of a kind from a step"
        )
    return "\n".join([*annotated, *rest, *view.trouble(), view.tally(), view.coverage()])


def gitlab(view: View) -> str:
    """Write GitLab's code quality report: the subset of Code Climate's form that it reads."""
    seen: Counter[tuple[str, str, str]] = Counter()
    rows = []
    for each in view.outcome.live:
        same = (each.path, each.code, each.message)
        seen[same] += 1
        mark = sha256("\0".join((*same, str(seen[same]))).encode("utf-8", "replace")).hexdigest()
        rows.append(
            {
                "description": f"{each.code} {view.said(each)}",
                "check_name": each.code,
                "fingerprint": mark,
                "severity": _SEVERITIES[each.severity],
                "location": {"path": view.repository_path(each.path), "lines": {"begin": line_of(each)}},
            }
        )
    return json.dumps(rows, indent=2, ensure_ascii=False)


def junit(view: View) -> str:
    """Write a test suite with one failed case a finding; one that passed where there is none."""
    from xml.sax.saxutils import quoteattr

    cases = []
    for each in view.outcome.live:
        name = quoteattr(_printable(f"{each.code} {each.path}:{each.line}:{each.column}"))
        text = quoteattr(_printable(view.said(each)))
        file = quoteattr(_printable(each.path))
        cases.append(
            f'    <testcase name={name} classname="paceline.check" file={file} line="{line_of(each)}">\n'
            f"      <failure type={quoteattr(each.severity)} message={text}/>\n    </testcase>"
        )
    count = len(cases)
    if not cases:
        cases = ['    <testcase name="paceline check" classname="paceline.check"/>']
    head = f'tests="{len(cases)}" failures="{count}" errors="0"'
    body = "\n".join(cases)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites {head}>\n  <testsuite name="paceline check" {head}>\n{body}\n  </testsuite>\n</testsuites>'
    )


def _annotation(view: View, finding: Finding, kind: str) -> str:
    place = f"file={_escaped(view.repository_path(finding.path), True)},line={line_of(finding)}"
    if not is_notebook(finding.path):
        place += f",col={finding.column}" + (f",endLine={finding.last}" if finding.last > finding.line else "")
    title = f"{finding.code} {finding.name}"
    return f"::{kind} {place},title={title}::{_escaped(view.said(finding))}"


def _escaped(text: str, in_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text


def _printable(text: str) -> str:
    """Replace what XML 1.0 cannot hold."""
    return "".join(
        each if each >= " " and each not in "\ufffe\uffff" and not "\ud800" <= each <= "\udfff" else "?"
        for each in text
    )
