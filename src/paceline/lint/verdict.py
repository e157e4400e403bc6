"""What of a run counts: baseline, then mode; and whether it fails.

Modes: `report` never fails, `new-only` counts what is about lines changed since a base commit, `enforce` counts all.
Unless one is asked for it is `new-only` in a git work tree with a base, otherwise `enforce`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from paceline.lint import baseline, git
from paceline.lint.findings import SEVERITIES
from paceline.lint.run import Choice, Outcome, only_new
from paceline.lint.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Wishes:
    """What only a command says: whether to use the baseline, to let it grow, and whether it may be written smaller."""

    use_baseline: bool = True
    add: bool = False
    prune: bool = True


@dataclass(slots=True)
class Verdict:
    """The mode that was meant, the base commit, whether the run fails, and lines to tell."""

    mode: str
    commit: str | None = None
    fails: bool = False
    notes: list[str] = field(default_factory=list)


def judge(outcome: Outcome, settings: Settings, chosen: Choice, wishes: Wishes) -> Verdict:
    """Hold back what does not count, in place; raises `SettingsError` where what was asked for is not to be had."""
    verdict = _mode(settings)
    if wishes.use_baseline:
        _baseline(outcome, settings, chosen, wishes, verdict)
    if verdict.mode == "new-only":
        assert verdict.commit is not None  # noqa: S101  # `_mode` gives this mode no other way
        if not only_new(outcome, settings.root, verdict.commit):
            raise SettingsError(f"git cannot compare with {verdict.commit}", "use --mode enforce, or another --base.")
    verdict.fails = verdict.mode != "report" and fails(outcome, settings.fail_on)
    return verdict


def fails(outcome: Outcome, fail_on: str) -> bool:
    """Say whether any live finding is as bad as `fail_on`."""
    if fail_on == "never":
        return False
    counting = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return any(each.severity in counting for each in outcome.live)


def _mode(settings: Settings) -> Verdict:
    wanted = settings.mode or ("new-only" if settings.base else None)
    if wanted in {"report", "enforce"}:
        return Verdict(wanted)
    commit = git.base(settings.root, settings.base) if git.top(settings.root) is not None else None
    if commit is not None:
        return Verdict("new-only", commit)
    if wanted is None:
        lost = git.top(settings.root) is not None and in_ci()
        note = "all findings count: there is no commit to compare with (fetch the history, or name one with --base)"
        return Verdict("enforce", notes=[note] if lost else [])
    wrong = (
        f"there is no commit {settings.base} to compare with" if settings.base else "there is no commit to compare with"
    )
    raise SettingsError(
        wrong, "name one with --base REF; in CI, fetch the history of the default branch (`fetch-depth: 0` on GitHub)."
    )


def in_ci() -> bool:
    """Say whether this is continuous integration, by what its services set."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def _baseline(outcome: Outcome, settings: Settings, chosen: Choice, wishes: Wishes, verdict: Verdict) -> None:
    path = settings.root / settings.baseline
    shown = path.name
    kept = baseline.load(path)
    if wishes.add:
        grown = kept.grown(outcome.findings, chosen.active)
        added = baseline.total(grown) - baseline.total(kept.counts)
        kept.write(grown)
        verdict.notes.append(f"the baseline {shown} grew by {added} to {baseline.total(grown)}")
    kept.hold(outcome.findings)
    unread = {name for name, _ in outcome.unread}
    small = kept.shrunk(outcome.findings, set(outcome.paths) - unread, chosen.active, settings.root)
    less = baseline.total(kept.counts) - baseline.total(small)
    if less and wishes.prune:
        try:
            kept.write(small)
        except SettingsError as error:  # what is mended is no reason to fail
            verdict.notes.append(f"the baseline could shrink by {less}, but {error}")
        else:
            verdict.notes.append(f"the baseline {shown} shrank by {less} to {baseline.total(small)}")
    elif less:
        verdict.notes.append(f"{less} of the baseline are mended; run `paceline check --baseline-prune` and commit it")
