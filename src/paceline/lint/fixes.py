"""Applies what rules propose to files: edits of bytes, each proven before it is kept.

A fixed file must parse, be the same program outside the edits, have as many sites as before, no error that it did not
have, and not the finding that was to be mended. What cannot be proven is left alone and named. Must not decide what to
propose.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from paceline.lint import fronts
from paceline.lint.findings import Finding
from paceline.lint.look import Look
from paceline.lint.sites import Edit
from paceline.lint.trees import same_but

Looker = Callable[[bytes, str], Look]


@dataclass(slots=True)
class Changes:
    """What files would become, which findings are mended, and which fixes were refused."""

    files: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    mended: list[Finding] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)

    def write(self, root: Path) -> list[str]:
        """Write the files, and say what was done."""
        notes = []
        for name, (old, new) in self.files.items():
            path = root / name
            if fronts.read(path) != old:
                notes.append(f"{name}: not mended: it has changed meanwhile")
                continue
            try:
                path.write_bytes(new)
            except OSError as error:
                notes.append(f"{name}: not mended: {error.strerror}")
        if self.mended:
            count, files = len(self.mended), len(self.files)
            notes.insert(0, f"mended {count} finding{'s' * (count > 1)} in {files} file{'s' * (files > 1)}")
        return [*notes, *self.left()]

    def diff(self) -> str:
        """Write a unified diff."""
        parts: list[str] = []
        for name, versions in self.files.items():
            old, new = (
                [line.decode("utf-8", "replace") for line in each.splitlines(keepends=True)] for each in versions
            )
            parts += (
                line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
                for line in unified_diff(old, new, f"a/{name}", f"b/{name}")
            )  # fmt: skip
        return "".join(parts)

    def left(self) -> list[str]:
        """Say which fixes were refused."""
        return [
            f"{each.path}:{each.line}: {each.code} not mended: the change could not be proven" for each in self.refused
        ]


def mend(
    findings: Iterable[Finding],
    read: Callable[[str], bytes | None],
    look: Looker,
    unsafe: bool,
    counts: Callable[[str, str], bool] = lambda _name, _code: False,
) -> Changes:
    """Work out the fixes of some findings, and of what comes by them as far as it `counts`; nothing is written."""
    changes = Changes()
    by_file: dict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        if _may(each, unsafe):
            by_file[each.path].append(each)
    for name, all_of_it in sorted(by_file.items()):
        old = new = read(name)
        wanted, room = all_of_it, len(all_of_it)
        while wanted and new is not None:
            new, wanted, brought = _pass(name, new, wanted, look, changes)
            brought = [each for each in brought if _may(each, unsafe) and counts(name, each.code)][:room]
            wanted, room = wanted + brought, room - len(brought)
        if old is not None and new is not None and new != old:
            changes.files[name] = (old, new)
    return changes


def _may(finding: Finding, unsafe: bool) -> bool:
    fix = finding.fix
    return fix is not None and bool(fix.edits) and fix.safety in {"safe", "unsafe" if unsafe else "safe"}


def _pass(
    name: str, data: bytes, wanted: list[Finding], look: Looker, changes: Changes
) -> tuple[bytes, list[Finding], list[Finding]]:
    """Apply what does not touch each other; return the bytes, what is left to do there, and what has come by it."""
    now, later = _disjoint(wanted)
    before = look(data, name)
    new = _proven(name, data, now, before, look)
    if new is None and len(now) > 1:  # one of them is to blame: the first alone, then the others
        now, later = now[:1], [*now[1:], *later]
        new = _proven(name, data, now, before, look)
    if new is None:
        changes.refused += now
        return data, later, []
    changes.mended += now
    after, edits = look(new, name), _edits(now)
    return new, _moved(later, edits, after), _brought(before, edits, after)


def _brought(before: Look, edits: list[Edit], after: Look) -> list[Finding]:
    """List what has come by a fix: a call that was told to wait for ever has the SDK's own timeout now."""
    had, has = (Counter(each.code for each in found.findings) for found in (before, after))
    known = _moved([each for each in before.findings if each.fix and each.fix.edits], edits, after)
    new = [each for each in after.findings if has[each.code] > had[each.code] and each not in known]
    return [each for each in new if not any(pragma.holds(each) for pragma in after.pragmas)]


def _disjoint(wanted: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Split into fixes that do not touch each other, and those that must wait."""
    now: list[Finding] = []
    later: list[Finding] = []
    taken: list[Edit] = []
    for each in wanted:
        edits = _edits([each])
        free = all(edit.end < other.start or other.end < edit.start for edit in edits for other in taken)
        (now if free else later).append(each)
        taken += edits if free else []
    return now, later


def _edits(findings: list[Finding]) -> list[Edit]:
    return sorted((edit for each in findings if each.fix for edit in each.fix.edits), key=lambda edit: edit.start)


def _proven(name: str, data: bytes, findings: list[Finding], before: Look, look: Looker) -> bytes | None:
    """Apply fixes and prove them; None where that fails."""
    edits = _edits(findings)
    if not edits or edits[0].start < 0 or edits[-1].end > len(data):
        return None
    new, at = bytearray(), 0
    spans = []
    for edit in edits:
        new += data[at : edit.start]
        spans.append((len(new), len(new) + len(edit.text.encode())))
        new += edit.text.encode()
        at = edit.end
    new += data[at:]
    result = bytes(new)
    if not same_but(name, data, [(edit.start, edit.end) for edit in edits], result, spans):
        return None
    after = look(result, name)
    mended = Counter(each.code for each in findings)
    had, has = (Counter(each.code for each in found.findings) for found in (before, after))
    errors = Counter(each.code for each in after.findings if each.severity == "error")
    sound = (
        not after.unread
        and after.sites == before.sites
        and all(has[code] <= had[code] - mended[code] for code in mended)
    )
    return result if sound and all(has[code] <= had[code] for code in errors) else None


def _moved(later: list[Finding], edits: list[Edit], now: Look) -> list[Finding]:
    """Find again what is still to mend, in the file as it has become: the comma to cut may be another one now."""
    found = []
    for each in later:
        assert each.fix is not None  # noqa: S101  # only findings with a fix get here
        start, end = each.fix.edits[0].start, each.fix.edits[0].end
        moved = sum(len(edit.text.encode()) - (edit.end - edit.start) for edit in edits if edit.start <= start)
        there = [
            (abs(first.start - start - moved), again)
            for again in now.findings
            if again.code == each.code and again.fix and again.fix.edits and (first := again.fix.edits[0])
            if first.start <= end + moved and start + moved <= first.end
        ]
        if there:
            found.append(min(there)[1])
    return found
