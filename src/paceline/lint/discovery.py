"""Which files a run looks at: what git lists inside a work tree, else what lies there, without tests and what is made.

Names are relative to the project's root, with `/`. A file that is named is always taken, unless exclusions are forced.
Must not read files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from paceline.lint import git, globs
from paceline.lint.fronts import language

_FOREIGN = {"node_modules", "__pycache__", "site-packages", ".yarn"}
_MADE = {"venv", "env", "build", "dist", "target"}
"""Left out where nothing else tells what is made and what is written; git does."""
_TESTS = {"tests", "test", "testing", "__tests__", "__mocks__"}
_TEST = re.compile(r"test_.*|.*_test\.py|conftest\.py|.*\.(?:test|spec|stories)\.[cm]?[jt]sx?")
_MINIFIED = re.compile(r".*\.min\.[cm]?js|.*\.bundle\.js|.*\.d\.ts")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a project wants looked at. `root` is absolute; patterns are those of `globs`.

    `forced` applies patterns and the rule about tests to named files, too: pre-commit names all it has.
    """

    root: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tests: bool = False
    forced: bool = False

    def wants(self, name: str, below: str | None = None) -> bool:
        """Say whether the project wants a file; `below` is its path from what was named."""
        if not self.tests and is_test(name if below is None else below):
            return False
        included = not self.include or globs.matcher(self.include)(name)
        return included and not globs.matcher(self.exclude)(name)


def find(paths: Iterable[Path], selection: Selection) -> list[str]:
    """List the files below some paths that a front end reads, in order."""
    found: set[str] = set()
    for path in paths:
        full = name(path, selection.root)
        if path.is_dir():
            inner = ((each, each if full == "." else f"{full}/{each}") for each in _listed(path))
            found.update(each for below, each in inner if selection.wants(each, below))
        elif not selection.forced or selection.wants(full):
            found.add(full)
    return sorted(found)


def name(path: Path, root: Path) -> str:
    """Name a path as findings do: relative to the root where it lies below it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  # `resolve` would follow links, and findings must not
    try:
        return absolute.relative_to(root).as_posix()
    except ValueError:
        return absolute.as_posix()


_CODE = {".server", ".client"}
"""Hidden by their names only: Remix keeps code of one side there."""


def is_test(path: str) -> bool:
    """Say whether a path, relative to what was named, is a test's."""
    *above, last = path.split("/")
    return _TEST.fullmatch(last) is not None or not _TESTS.isdisjoint(above)


def _listed(directory: Path) -> Iterator[str]:
    listed = git.files(directory) if git.top(Path(os.path.abspath(directory))) else None  # noqa: PTH100
    if not listed:  # no work tree; or a directory that git ignores, and that somebody named all the same
        yield from _walked(directory)
        return
    for each in listed:
        if _readable(each) and _FOREIGN.isdisjoint(each.split("/")) and (directory / each).is_file():
            yield each


def _walked(root: Path) -> Iterator[str]:
    for directory, names, files in os.walk(root):
        names[:] = [each for each in names if (each[0] != "." or each in _CODE) and each not in _FOREIGN | _MADE]
        below = os.path.relpath(directory, root).replace(os.sep, "/")
        for each in files:
            if _readable(each):
                yield each if below == "." else f"{below}/{each}"


def _readable(path: str) -> bool:
    return language(path) is not None and _MINIFIED.fullmatch(path) is None
