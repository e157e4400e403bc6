"""The baseline: how many findings of each rule a file may have, because it had them when the linter came.

One sorted JSON file of counts by path and rule, without line numbers, so that it seldom conflicts. A file with more
findings of a rule than are counted shows all of them: nobody can tell the old from the new. Counts shrink by
themselves, and grow only when asked. Must not decide when to write.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from paceline.lint.findings import Finding
from paceline.lint.rules import OWN
from paceline.lint.settings import SettingsError

VERSION = 1

Counts = dict[str, dict[str, int]]


@dataclass(slots=True)
class Baseline:
    """Counts by path and rule, and the file they stand in."""

    path: Path
    counts: Counts = field(default_factory=dict)

    def hold(self, findings: list[Finding]) -> None:
        """Mark what the baseline allows, in place."""
        seen = _count(findings)
        for at, each in enumerate(findings):
            allowed = self.counts.get(each.path, {}).get(each.code, 0)
            if each.held_by is None and 0 < seen[each.path, each.code] <= allowed:
                findings[at] = replace(each, held_by="baseline", suppressed="in the baseline")

    def shrunk(self, findings: list[Finding], looked_at: set[str], active: frozenset[str], root: Path) -> Counts:
        """Lower each count of what was looked at to what is there now; a file that is gone has none."""
        seen = _count(findings)
        kept: Counts = {}
        for path, rules in self.counts.items():
            if path not in looked_at and (root / path).exists():
                kept[path] = rules
                continue
            left = {
                code: min(count, seen[path, code]) if code in active else count
                for code, count in rules.items()
                if path in looked_at
            }
            kept[path] = {code: count for code, count in left.items() if count}
        return {path: rules for path, rules in kept.items() if rules}

    def grown(self, findings: list[Finding], active: frozenset[str]) -> Counts:
        """Raise counts to what is there now; no pragma gets into it, nor what one holds."""
        found = {path: dict(rules) for path, rules in self.counts.items()}
        for (path, code), count in _count(findings).items():
            if code in active and code not in OWN:
                rules = found.setdefault(path, {})
                rules[code] = max(count, rules.get(code, 0))
        return found

    def write(self, counts: Counts) -> None:
        """Write the file anew, sorted."""
        self.counts = counts
        ordered = {path: dict(sorted(rules.items())) for path, rules in sorted(counts.items())}
        text = json.dumps({"version": VERSION, "findings": ordered}, indent=2, ensure_ascii=False)
        try:
            self.path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            wrong = f"{self.path} cannot be written: {error.strerror}"
            raise SettingsError(wrong, "name another with --baseline.") from error


def total(counts: Counts) -> int:
    """Count the findings that a baseline allows."""
    return sum(count for rules in counts.values() for count in rules.values())


def load(path: Path) -> Baseline:
    """Read a baseline, empty where there is no file; raises `SettingsError` for what is none."""
    if not path.exists():
        return Baseline(path)
    try:
        document = json.loads(path.read_bytes())
        counts = document["findings"]
        sound = document["version"] == VERSION and all(
            isinstance(count, int) and count > 0 for rules in counts.values() for count in rules.values()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise SettingsError(
            f"{path} is no baseline", "take it from version control, or delete it and use --baseline-add."
        )
    return Baseline(path, counts)


def _count(findings: list[Finding]) -> Counter[tuple[str, str]]:
    return Counter((each.path, each.code) for each in findings if each.held_by in {None, "baseline", "old"})
