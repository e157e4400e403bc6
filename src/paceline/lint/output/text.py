"""Findings for people: one line each, or with the code they are about."""

from __future__ import annotations

from pathlib import Path

from paceline.lint.findings import Finding
from paceline.lint.fronts import UnreadableError
from paceline.lint.output.view import View, is_notebook

_COLORS = {"error": "31", "warning": "33", "info": "36", "unknown": "35"}
_WIDTH = 160
_LINES_MAX = 6


def concise(view: View) -> str:
    """Write one line a finding."""
    return _joined(view, [line(view, each) for each in view.shown])


def full(view: View) -> str:
    """Write each finding with its lines of code, what to do, and the fix there is."""
    sources: dict[str, list[str]] = {}
    blocks = []
    for each in view.shown:
        source = sources.setdefault(each.path, _source(view.root / each.path))
        blocks.append("\n".join([line(view, each), *_frame(view, each, source), *_advice(view, each), ""]))
    return _joined(view, blocks)


def line(view: View, finding: Finding) -> str:
    """Write a finding in one line that editors and terminals can follow."""
    severity = _paint(view, finding.severity, _COLORS[finding.severity])
    place = _paint(view, view.place(finding), "1")
    code = _paint(view, finding.code, "1")
    return f"{place}: {severity} {code} {finding.message} {_paint(view, f'[{finding.name}]', '2')}"


def _joined(view: View, blocks: list[str]) -> str:
    return "\n".join([*blocks, *view.trouble(), view.tally(), view.coverage()])


def _source(path: Path) -> list[str]:
    try:
        data = path.read_bytes()
        if is_notebook(path.name):
            from paceline.lint.notebooks import text

            data = text(data)
    except (OSError, UnreadableError):
        return []
    return data.decode("utf-8", "replace").splitlines()


def _frame(view: View, finding: Finding, source: list[str]) -> list[str]:
    if finding.line > len(source):
        return []
    last = min(max(finding.last, finding.line), finding.line + _LINES_MAX - 1, len(source))
    bar = _paint(view, "|", "34")
    cell = view.cell(finding)
    above = finding.line - cell[1] if cell is not None else 0
    lines = range(finding.line, last + 1)
    found = [f"  {number - above:>5} {bar} {_cut(source[number - 1])}".rstrip() for number in lines]
    found.insert(1, f"        {bar} {' ' * (finding.column - 1)}{_paint(view, '^', _COLORS[finding.severity])}")
    if finding.last > last:
        found.append(f"      … {bar}")
    return found


def _cut(text: str) -> str:
    text = text.replace("\t", " ")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _advice(view: View, finding: Finding) -> list[str]:
    found = [f"  hint: {finding.hint}"] if finding.hint else []
    if finding.fix is not None:
        how = {"safe": "--fix", "unsafe": "--fix --unsafe-fixes"}.get(finding.fix.safety, "by hand")
        found.append(f"  fix:  {finding.fix.title} ({how})")
    return [_paint(view, each, "2") for each in found]


def _paint(view: View, text: str, color: str) -> str:
    return f"\x1b[{color}m{text}\x1b[0m" if view.color else text
