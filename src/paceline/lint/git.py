"""What git says of a work tree: its files, the commit to compare with, the lines changed since.

Every question has an answer without git, too: None. Must not change anything, nor look at files itself.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_HUNK = re.compile(rb"^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_HOOKS = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}
"""What git sets for its hooks; with `-C` they would mislead."""

Lines = tuple[tuple[int, int], ...]
"""Ranges of lines, first and last."""

WHOLE: Lines = ((1, 1 << 30),)


def run(directory: Path, *arguments: str) -> bytes | None:
    """Ask git; None where there is none, or it refuses."""
    import subprocess

    environment = {key: value for key, value in os.environ.items() if key not in _HOOKS}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", str(directory), "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def top(directory: Path) -> Path | None:
    """Find the work tree around a directory, without asking git."""
    return next((each for each in (directory, *directory.parents) if (each / ".git").exists()), None)


def files(directory: Path) -> list[str] | None:
    """List what is tracked below a directory, or new and not ignored; relative to it."""
    listed = run(directory, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return None if listed is None else sorted({os.fsdecode(each) for each in listed.split(b"\0") if each})


def base(root: Path, wanted: str | None) -> str | None:
    """Name the commit that changes are counted from: where the history left `wanted`, or the default branch."""
    for name in (wanted,) if wanted else _candidates():
        found = run(root, "merge-base", "HEAD", name)
        if found is not None:
            return found.decode().strip()
    return None


def _candidates() -> list[str]:
    """Name where a default branch may be: what the CI says, then the remote's own word, then custom."""
    named = [os.environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")]
    target = os.environ.get("GITHUB_BASE_REF", "")
    return [
        *filter(None, named),
        *([f"origin/{target}"] if target else []),
        "origin/HEAD",
        "origin/main",
        "origin/master",
    ]


def changed(root: Path, commit: str) -> dict[str, Lines] | None:
    """Give the lines that differ from a commit, by file relative to `root`; files that are new count whole."""
    differences = run(
        root, "diff", "--relative", "-U0", "--no-color", "--no-ext-diff", "--no-renames",
        "--src-prefix=a/", "--dst-prefix=b/", commit, "--",
    )  # fmt: skip
    fresh = run(root, "ls-files", "-z", "--others", "--exclude-standard")
    if differences is None or fresh is None:
        return None
    found = _hunks(differences)
    return found | {os.fsdecode(each): WHOLE for each in fresh.split(b"\0") if each}


def _hunks(differences: bytes) -> dict[str, Lines]:
    found: dict[str, list[tuple[int, int]]] = {}
    name, inside = "", 0  # lines of a hunk that are still to come: an added `++ x` must not pass for a file's name
    for line in differences.split(b"\n"):
        if inside and line[:1] in {b"+", b"-", b" "}:
            inside -= 1
        elif line.startswith(b"+++ "):
            name = _name(line[4:])
        elif match := _HUNK.match(line):
            start, count = int(match[2]), int(match[3] or 1)
            inside = count + int(match[1] or 1)
            # Where lines were only taken out, the ones around the gap have changed.
            found.setdefault(name, []).append((start, start + count - 1) if count else (start, start + 1))
    return {name: tuple(ranges) for name, ranges in found.items()}


def _name(text: bytes) -> str:
    text = text.removesuffix(b"\t")
    if text.startswith(b'"'):
        text = text[1:-1].decode("unicode_escape").encode("latin-1")
    return os.fsdecode(text.removeprefix(b"b/"))


def touches(ranges: Lines, first: int, last: int) -> bool:
    """Say whether any line from `first` to `last` is in one of the ranges."""
    return any(start <= last and first <= end for start, end in ranges)
