"""What all forms write: a run, where it is looked at from, and the two lines that end it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from paceline.lint import fronts, git
from paceline.lint.findings import Finding
from paceline.lint.run import Outcome

RANKS = {"error": 0, "warning": 1, "info": 2, "unknown": 3}
_HELD = {"pragma": "by pragmas", "config": "by the configuration", "baseline": "by the baseline", "old": "older"}


@dataclass(frozen=True, slots=True)
class View:
    """A run as somebody wants to see it. `notes` are lines of the command's own; `pages` is where rules' pages are."""

    outcome: Outcome
    root: Path
    mode: str = "enforce"
    show_unknown: bool = False
    color: bool = False
    notes: tuple[str, ...] = ()
    pages: str = ""
    near: Callable[[Finding], bool] = field(default=lambda _finding: True)

    @property
    def shown(self) -> list[Finding]:
        """Return what is listed, in order of place."""
        return self.outcome.live + (_once(self.outcome.unknown) if self.show_unknown else [])

    def path(self, name: str) -> str:
        """Name a file from where the user is, without what a terminal would obey."""
        shown = os.path.relpath(self.root / name).replace(os.sep, "/")
        return "".join(each if each >= " " and each != "\x7f" else repr(each)[1:-1] for each in shown)

    def place(self, finding: Finding) -> str:
        """Say where a finding is: file, line and column, and of a notebook the code cell."""
        cell = self.cell(finding)
        line = f"cell {cell[0]}:{cell[1]}" if cell is not None else str(finding.line)
        return f"{self.path(finding.path)}:{line}:{finding.column}"

    def said(self, finding: Finding) -> str:
        """Write message and hint for a form whose lines are those of the file's text; of a notebook, with the cell."""
        cell = self.cell(finding)
        where = f"cell {cell[0]}, line {cell[1]}: " if cell is not None else ""
        return f"{where}{finding.message}. {finding.hint}".strip()

    def cell(self, finding: Finding) -> tuple[int, int] | None:
        """Give code cell and line of a finding in a notebook; None in other files."""
        if not is_notebook(finding.path):
            return None
        from paceline.lint.notebooks import cell_of

        try:
            return cell_of((self.root / finding.path).read_bytes(), finding.line)
        except (OSError, fronts.UnreadableError):
            return None

    def repository_path(self, name: str) -> str:
        """Name a file from the top of its repository, as the pages of CI do."""
        top = git.top(self.root)
        path = self.root / name
        return path.relative_to(top).as_posix() if top is not None and path.is_relative_to(top) else name

    def worst_first(self) -> list[Finding]:
        """Return what is live with changed lines first, then errors first."""
        return sorted(self.outcome.live, key=lambda each: (not self.near(each), RANKS[each.severity], each))

    def tally(self) -> str:
        """Write what was found, and what was held back."""
        counts = self.outcome.counts()
        said = ", ".join(
            _plural(counts[severity], noun)
            for severity, noun in (("error", "error"), ("warning", "warning"), ("info", "note"))
        )
        held = [f"{count} {words}" for by, words in _HELD.items() if (count := self.outcome.held(by))]
        return f"{said}; held back: {', '.join(held)}" if held else said

    def coverage(self) -> str:
        """Write how much was seen and decided: the line that ends every run."""
        found = self.outcome
        facts = found.decided + found.undecided
        unread = f", {len(found.unread)} skipped" if found.unread else ""
        return (
            f"{_plural(found.sites, 'site')} in {_plural(found.files, 'file')}{unread}; "
            f"{_plural(facts, 'fact')}: {found.decided} decided, {found.undecided} unknown"
        )

    def trouble(self) -> list[str]:
        """Write what could not be looked at, and the command's own notes."""
        skipped = [f"{self.path(path)}: skipped: {reason}" for path, reason in self.outcome.unread]
        return [*skipped, *(line for _, line in self.outcome.absent), *self.notes]


def is_notebook(path: str) -> bool:
    """Say whether a file's lines are those of its code, not those of its text."""
    return path.endswith(".ipynb")


def line_of(finding: Finding) -> int:
    """Return the line in the file's text: of a notebook, whose text is JSON, the first."""
    return 1 if is_notebook(finding.path) else finding.line


def _once(unknown: list[Finding]) -> list[Finding]:
    return list(dict.fromkeys(unknown))


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
