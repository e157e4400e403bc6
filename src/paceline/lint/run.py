"""A run: which files, their sites, what rules and pragmas make of them, and how much was decided.

Must not print.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from paceline.catalogue import Catalogue
from paceline.lint import fronts
from paceline.lint.findings import Finding, Policy
from paceline.lint.pragmas import pragmas, suppress
from paceline.lint.rules import all_rules
from paceline.lint.sites import PARAMETERS, Site, State

_SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv", "env", "build", "dist", "tests", "test", "testing"}


@dataclass(slots=True)
class Outcome:
    """What a run found; files that could not be read are in `unread` with the reason."""

    findings: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    parsed: int = 0
    sites: int = 0
    decided: int = 0
    undecided: int = 0

    @property
    def live(self) -> list[Finding]:
        """Return the findings that no pragma suppresses."""
        return [each for each in self.findings if each.suppressed is None]

    @property
    def coverage(self) -> dict[str, int]:
        """Return the counts of the coverage line."""
        return {
            "files": self.files, "parsed": self.parsed, "unread": len(self.unread), "sites": self.sites,
            "facts_decided": self.decided, "facts_unknown": self.undecided,
        }  # fmt: skip


def find_files(paths: Iterable[Path], with_tests: bool) -> list[Path]:
    """List the Python files below some paths; a file that is named is always taken."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(_below(path, with_tests))
        else:
            found.add(path)
    return sorted(found)


def check(
    paths: Iterable[Path], catalogue: Catalogue, policy: Policy, today: date, with_tests: bool = False
) -> Outcome:
    """Lint files and directories."""
    outcome = Outcome()
    for path in find_files(paths, with_tests):
        _file(path, catalogue, policy, today, outcome)
    outcome.findings.sort()
    outcome.unknown.sort()
    return outcome


def check_bytes(  # noqa: PLR0913, PLR0917
    data: bytes, name: str, catalogue: Catalogue, policy: Policy, today: date, outcome: Outcome
) -> None:
    """Lint one file that has been read."""
    held = pragmas(data)
    found: list[Finding] = []
    front = fronts.front(fronts.language(name) or "paceline.lint.python")
    if front.may_hold_sites(data):
        try:
            sites = front.sites(data, name, catalogue)
        except fronts.UnreadableError as error:
            outcome.unread.append((name, str(error)))
            return
        outcome.parsed += 1
        outcome.sites += len(sites)
        for site in sites:
            _count(site, outcome)
            found += _judge(site, policy, outcome)
    known = {rule.code for rule in all_rules()}
    outcome.findings += suppress(sorted(found), held, name, today, known)


def _file(path: Path, catalogue: Catalogue, policy: Policy, today: date, outcome: Outcome) -> None:
    outcome.files += 1
    name = path.as_posix()
    try:
        if path.stat().st_size > fronts.BYTES_MAX:
            outcome.unread.append((name, "is larger than 4 MiB"))
            return
        data = path.read_bytes()
    except OSError as error:
        outcome.unread.append((name, error.strerror or "cannot be read"))
        return
    check_bytes(data, name, catalogue, policy, today, outcome)


def _judge(site: Site, policy: Policy, outcome: Outcome) -> list[Finding]:
    found: list[Finding] = []
    for rule in all_rules():
        if site.kind not in rule.kinds:
            continue
        for hit in rule.check(site, policy):
            place = site.place if hit.place is None else hit.place
            found.append(
                Finding(
                    site.path,
                    place.line,
                    place.column,
                    rule.code,
                    rule.name,
                    hit.severity,
                    hit.message,
                    hit.hint,
                    fix=hit.fix,
                )
            )
        fact = site.facts.get(rule.asks)
        if fact is not None and fact.state is State.UNKNOWN:
            where = fact.place or site.place
            outcome.unknown.append(
                Finding(site.path, where.line, where.column, rule.code, rule.name, "unknown", fact.because, "")
            )
    return found


def _count(site: Site, outcome: Outcome) -> None:
    for name in PARAMETERS:
        fact = site.facts.get(name)
        if fact is None:
            continue
        if fact.state is State.UNKNOWN:
            outcome.undecided += 1
        else:
            outcome.decided += 1


def _below(root: Path, with_tests: bool) -> Iterable[Path]:
    for directory, names, files in os.walk(root):
        names[:] = [
            name for name in names
            if not name.startswith(".") and (name not in _SKIPPED or (with_tests and name.startswith("test")))
        ]  # fmt: skip
        for name in files:
            if name.endswith((".py", ".pyi")) and (with_tests or not _is_test(name)):
                yield Path(directory) / name


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
