"""A run: which files, what is in them, and what of it counts by pragmas, configuration, baseline and changed lines.

Must not print, nor know how findings are written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from paceline.catalogue import Catalogue
from paceline.lint import discovery, fronts, git, globs
from paceline.lint.cache import Cache, fingerprint
from paceline.lint.findings import SEVERITIES, Finding, Policy
from paceline.lint.look import Look, look, unpacked
from paceline.lint.pragmas import suppress
from paceline.lint.reading import Reader
from paceline.lint.rules import CODES, OWN
from paceline.lint.settings import Settings

CACHED_FILES = 33
"""From this many files on the cache is asked; below that, reading it takes as long as the work."""


@dataclass(slots=True)
class Outcome:
    """What a run found.

    `paths` are the files that were looked at; `unread` are those of them that could not be read, with the reason;
    `absent` what is not installed; `settings` what files set for the whole program.
    """

    findings: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    absent: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    parsed: int = 0
    sites: int = 0
    decided: int = 0
    undecided: int = 0
    pragmas: int = 0
    paths: list[str] = field(default_factory=list)
    settings: set[str] = field(default_factory=set)

    @property
    def live(self) -> list[Finding]:
        """Return the findings that nothing holds."""
        return [each for each in self.findings if each.held_by is None]

    def held(self, by: str) -> int:
        """Count the findings that something holds: `pragma`, `config`, `baseline`, `old`."""
        return sum(each.held_by == by for each in self.findings)

    def counts(self) -> dict[str, int]:
        """Count live findings by severity."""
        found = Counter(each.severity for each in self.live)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def coverage(self) -> dict[str, int]:
        """Return the counts of the coverage line."""
        return {
            "files": self.files, "parsed": self.parsed, "unread": len(self.unread), "sites": self.sites,
            "facts_decided": self.decided, "facts_unknown": self.undecided,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rules are on, everywhere and in some files."""

    active: frozenset[str]
    ignores: tuple[tuple[Callable[[str], bool], frozenset[str]], ...] = ()

    def ignored(self, path: str, code: str) -> bool:
        """Say whether the configuration leaves a rule out in a file."""
        return any(code in codes and matches(path) for matches, codes in self.ignores)


def choice(settings: Settings) -> Choice:
    """Resolve `select`, `ignore` and `per-file-ignores`; raises `SettingsError` for what is no rule."""
    from paceline.lint.select import codes

    active = (codes(settings.select) if settings.select else frozenset(CODES)) | frozenset(OWN)
    per_file = tuple((globs.matcher((glob,)), codes(named)) for glob, named in settings.per_file_ignores)
    return Choice(active - codes(settings.ignore), per_file)


def check(  # noqa: PLR0913  # what to look at, what to go by, and where to keep what was seen
    paths: Iterable[Path],
    settings: Settings,
    policy: Policy,
    today: date,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Outcome:
    """Lint files and directories: what is there, and what pragmas and configuration say of it."""
    names = discovery.find(paths, settings.selection)
    chosen = choice(settings)
    outcome = Outcome(paths=names)
    for name, found in _looks(outcome, settings, policy, cache, progress):
        add(outcome, name, found, chosen, today)
    settle(outcome, settings.root, policy)
    return outcome


def settle(outcome: Outcome, root: Path, policy: Policy) -> None:
    """Drop what a setting for the whole program makes untrue, wherever it stands; put the rest in order."""
    if any(each.unless not in outcome.settings for each in outcome.findings if each.unless):
        from paceline.lint.program import elsewhere

        outcome.settings |= elsewhere(outcome.findings, outcome.settings, outcome.paths, root, policy)
    outcome.findings = sorted(each for each in outcome.findings if each.unless not in outcome.settings)
    outcome.unknown.sort()


def add(outcome: Outcome, name: str, found: Look, chosen: Choice, today: date) -> None:
    """Add one file's look to what a run found."""
    outcome.files += 1
    if found.unread:
        outcome.unread.append((name, found.unread))
        return
    outcome.parsed += found.parsed
    outcome.sites += found.sites
    outcome.decided += found.decided
    outcome.undecided += found.undecided
    outcome.settings.update(found.settings)
    outcome.unknown += [each for each in found.unknown if each.code in chosen.active]
    if not found.findings and not found.pragmas:
        return
    asked = [each for each in found.findings if each.code in chosen.active]
    left_out = "by the configuration"
    asked = [replace(each, held_by="config", suppressed=left_out) if chosen.ignored(name, each.code) else each
             for each in asked]  # fmt: skip
    judged = suppress(asked, found.pragmas, name, today, set(CODES), chosen.active)
    outcome.pragmas += sum(each.sound(today, set(CODES)) for each in found.pragmas)
    outcome.findings += (each for each in judged if each.code in chosen.active)


def check_bytes(  # noqa: PLR0913, PLR0917
    data: bytes, name: str, catalogue: Catalogue, policy: Policy, today: date, outcome: Outcome
) -> None:
    """Lint one file that has been read, with all rules."""
    add(outcome, name, look(data, name, catalogue, policy), Choice(frozenset((*CODES, *OWN))), today)


def only_new(outcome: Outcome, root: Path, commit: str) -> bool:
    """Mark as old what is not about lines changed since a commit; False where git cannot say which those are."""
    changed = git.changed(root, commit)
    if changed is None:
        return False
    for at, each in enumerate(outcome.findings):
        ranges = changed.get(each.path, ())
        near = git.touches(ranges, each.line, each.line) or git.touches(ranges, each.first, each.last)
        if each.path.endswith(".ipynb"):  # its lines are those of its code, git's are those of its JSON
            near = bool(ranges)
        near |= each.path.startswith("/")  # outside the project, where git was not asked
        if each.held_by is None and not near:
            outcome.findings[at] = replace(each, held_by="old")
    return True


def _looks(
    outcome: Outcome, settings: Settings, policy: Policy, cache: Path | None, progress: Callable[[int, int], None]
) -> Iterable[tuple[str, Look]]:
    """Look at the files of a run: what is kept first, so that a run that knows all loads no front end."""
    keeping = cache is not None and len(outcome.paths) >= CACHED_FILES
    mark = fingerprint(settings.root, policy) if keeping else ""
    kept = Cache(cache if keeping else None, settings.root, mark)
    missing = []
    for name in outcome.paths:
        found = kept.get(name)
        if found is None:
            missing.append(name)
        else:
            yield name, found
    outcome.absent = _absent(missing)
    absent = {module for module, _ in outcome.absent}
    readable = [name for name in missing if fronts.language(name) not in absent]
    outcome.paths = sorted(set(outcome.paths) - (set(missing) - set(readable)))
    reader = Reader(settings.root, policy)
    for name, stamps, mark, when, packed in reader.all(readable, lambda done: progress(done, len(readable))):
        if stamps is not None:
            kept.put(name, stamps, mark, when, packed)
        yield name, unpacked(name, packed)
    kept.save()


def _absent(names: list[str]) -> list[tuple[str, str]]:
    """List the front ends that are wanted and not installed, each with one line that says so."""
    counts = Counter(fronts.language(name) for name in names)
    found = []
    for module, count in sorted(counts.items(), key=str):
        try:
            fronts.front(module or "paceline.lint.python")
        except fronts.AbsentError as error:
            files = "1 file was" if count == 1 else f"{count} files were"
            found.append((module or "", f"{files} not looked at: {error}"))
    return found


__all__ = ["OWN", "Choice", "Outcome", "add", "check", "check_bytes", "choice", "only_new", "settle"]
