"""What an editor wants to know of one open file: its findings, what can be done about each, and what a code means.

A view of text, not of files on disk: lines and columns count from 0, columns in characters. Must not know any protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from paceline.catalogue import load
from paceline.lint import baseline, discovery, fixes, fronts, policies, run, settings
from paceline.lint.findings import Finding, Policy
from paceline.lint.look import Look, look
from paceline.lint.sites import Edit

Position = tuple[int, int]
Change = tuple[Position, Position, str]
"""From, to, and the text to stand there."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done: a fix, or a pragma. `preferred` says that it is safe."""

    title: str
    finding: Finding
    changes: tuple[Change, ...]
    preferred: bool = False


@dataclass(slots=True)
class Open:
    """One open file as an editor holds it."""

    path: Path
    text: str
    findings: list[Finding] = field(default_factory=list)
    pages: str = ""
    _policy: Policy = field(default_factory=Policy)
    _root: Path = field(default_factory=Path)
    _name: str = ""

    def lint(self) -> None:
        """Find what counts in it; raises `SettingsError`, and `AbsentError` where a front end is not installed."""
        found = settings.find(self.path)
        self._root, self.pages = found.root, found.pages
        self._name = discovery.name(self.path, found.root)
        self.findings = []
        if fronts.language(self._name) is None or not found.selection.wants(self._name):
            return
        if self._name.endswith(".ipynb"):
            return  # a notebook's text is JSON, and its lines are not those of its code
        self._policy = policies.policy(found)
        outcome = run.Outcome(paths=[self._name])
        run.add(outcome, self._name, self._look(self.text.encode(), self._name), run.choice(found), _today())
        run.settle(outcome, found.root, self._policy)
        baseline.load(found.root / found.baseline).hold(outcome.findings)
        self.findings = outcome.live

    def span(self, finding: Finding) -> tuple[Position, Position]:
        """Say what to underline: from where it is to the end of that line."""
        lines = self.text.split("\n")
        line = min(finding.line, len(lines)) - 1
        start = min(finding.column - 1, len(lines[line]))
        return (line, start), (line, max(start, len(lines[line].split("#")[0].rstrip())))

    def actions(self, first: int, last: int) -> list[Action]:
        """List what can be done about findings on some lines: fixes that are proven, then pragmas."""
        found = [each for each in self.findings if first <= each.line - 1 <= last]
        fixed = [action for each in found if (action := self._fix(each)) is not None]
        return fixed + [self._pragma(each) for each in found if not each.code.startswith("L")]

    def all_safe(self) -> str | None:
        """Return the text with all safe fixes applied; None where there are none."""
        data = self.text.encode()
        changed = fixes.mend(self.findings, lambda _name: data, self._look, unsafe=False).files.get(self._name)
        return changed[1].decode() if changed is not None else None

    def _fix(self, finding: Finding) -> Action | None:
        data = self.text.encode()
        if finding.fix is None or not fixes.mend([finding], lambda _name: data, self._look, unsafe=True).files:
            return None
        changes = tuple(self._change(data, edit) for edit in finding.fix.edits)
        return Action(f"{finding.fix.title} ({finding.code})", finding, changes, finding.fix.safety == "safe")

    def _pragma(self, finding: Finding) -> Action:
        """Write a pragma above, with a reason still to be given: until then it suppresses nothing."""
        line = (finding.first or finding.line) - 1
        code = self.text.split("\n")[line]
        indent = code[: len(code) - len(code.lstrip())]
        end = "\r\n" if code.endswith("\r") else "\n"
        mark = "//" if fronts.language(self._name) == "paceline.lint.typescript" else "#"
        text = f'{indent}{mark} paceline: ignore[{finding.code}] reason=""{end}'
        return Action(f"Ignore {finding.code} here, with a reason", finding, (((line, 0), (line, 0), text),))

    def _look(self, data: bytes, name: str) -> Look:
        return look(data, name, load(), self._policy, self._root)

    def _change(self, data: bytes, edit: Edit) -> Change:
        return _position(data, edit.start), _position(data, edit.end), edit.text


def _position(data: bytes, offset: int) -> Position:
    before = data[:offset].decode("utf-8", "replace")
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def _today() -> date:
    return datetime.now(UTC).date()
