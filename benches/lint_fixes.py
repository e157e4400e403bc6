"""Fixes on public code: every file still parses, nothing but arguments of calls changed, a second run changes nothing.

    python benches/lint_fixes.py [--trees DIR] [--mirrors DIR]

`paceline check --fix`, then with `--unsafe-fixes`, over a copy of each labelled tree. What came of it is checked by
other means than the linter's own proof: syntax trees without the arguments that fixes write, and changed characters.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from figures import table
from lint_repositories import Repository, arguments, bring

CHECK = [
    sys.executable,
    "-m",
    "paceline",
    "check",
    "--mode",
    "enforce",
    "--fail-on",
    "never",
    "--no-baseline",
    "--no-cache",
]
WRITTEN = re.compile(
    r"^(?:timeout|timeout_ms|request_timeout|max_\w+|max[A-Z]\w+|maxRetries|stream_options|streamOptions|extra_headers|default_headers"
    r"|headers|abortSignal|config|generation_config|model_kwargs|cache_control|temperature|http_options|signal)$"
)
ARGUMENT = re.compile(r"^[\s,({]*(?:[\w]+\s*[=:]\s*[^=]*)?[\s,)}]*$", re.DOTALL)
NOTHING = re.compile(r"^(?:None|null|undefined)$")


@dataclass
class Result:
    """What fixing one tree did."""

    proposed: int = 0
    files: int = 0
    mended: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    broken: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


def show(repositories: list[Repository], trees: Path) -> bool:
    """Fix copies of all trees, print what came of it; say whether all is as it should be."""
    rows = []
    faults: list[str] = []
    for repository in repositories:
        with tempfile.TemporaryDirectory(prefix="paceline-lint-") as folder:
            copy = Path(folder) / "tree"
            shutil.copytree(trees / repository.folder, copy, symlinks=True)
            result = fix(copy)
        rows.append([
            repository.name, str(result.proposed), str(result.mended.total()), str(result.refused), str(result.files),
            *(str(len(each)) for each in (result.broken, result.strange, result.again)),
        ])  # fmt: skip
        faults += [f"{repository.folder}/{each}" for each in (*result.broken, *result.strange, *result.again)]
    head = [
        "fixes",
        "proposed",
        "findings gone",
        "refused",
        "files changed",
        "do not parse",
        "other changes",
        "changed again",
    ]
    table("Linter: fixes, safe and unsafe", head, rows)
    for fault in faults:
        print(f"  {fault}")
    return not faults


def fix(tree: Path) -> Result:
    """Fix one tree and look at what has changed."""
    result = Result()
    before = contents(tree)
    had = findings(tree)
    result.proposed = sum(each["fix"] is not None and each["fix"]["safety"] != "display" for each in had)
    for words in (["--fix"], ["--fix", "--unsafe-fixes"]):
        done = subprocess.run([*CHECK, *words, "."], cwd=tree, capture_output=True, text=True, check=True)
        result.refused = (done.stdout + done.stderr).count("not mended")
    after = contents(tree)
    result.mended = Counter(each["code"] for each in had)
    result.mended.subtract(each["code"] for each in findings(tree))
    result.mended += Counter()
    for name, old in before.items():
        new = after.get(name, b"")
        if new == old:
            continue
        result.files += 1
        if not parses(name, new, old):
            result.broken.append(f"{name}: does not parse")
        result.strange += [f"{name}: {what}" for what in strange(name, old, new)]
    result.strange += [f"{name}: came or went" for name in before.keys() ^ after.keys()]
    subprocess.run([*CHECK, "--fix", "--unsafe-fixes", "."], cwd=tree, capture_output=True, check=True)
    result.again = [f"{name}: changed again" for name, data in contents(tree).items() if data != after.get(name)]
    return result


def findings(tree: Path) -> list[dict[str, object]]:
    """List the findings of a tree."""
    done = subprocess.run([*CHECK, "--format", "json", "."], cwd=tree, capture_output=True, check=True)
    found: list[dict[str, object]] = json.loads(done.stdout)["findings"]
    return found


def contents(tree: Path) -> dict[str, bytes]:
    """Read every file of a tree."""
    return {str(path.relative_to(tree)): path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}


def parses(name: str, new: bytes, old: bytes) -> bool:
    """Say whether a fixed file parses, for a script: as well as it did before."""
    if name.endswith((".py", ".pyi")):
        try:
            tree_of(new)
        except SyntaxError:
            return False
        return True
    if name.endswith(".ipynb"):
        return bool(json.loads(new))
    return faults_in(name, new) <= faults_in(name, old)


def faults_in(name: str, data: bytes) -> int:
    """Count what tree-sitter could not parse."""
    from paceline.lint.typescript.syntax import parse

    count, stack = 0, [parse(data, name)]
    while stack:
        node = stack.pop()
        count += node.is_error or node.is_missing
        stack += node.children
    return count


def strange(name: str, old: bytes, new: bytes) -> Iterator[str]:
    """List changes that are no argument of a call added, taken out or replaced."""
    if name.endswith((".py", ".pyi")) and dump(old) != dump(new):
        yield "another program but for the arguments that fixes write"
    before, after = (each.decode("utf-8", "surrogateescape") for each in (old, new))
    lines = difflib.SequenceMatcher(None, before.splitlines(True), after.splitlines(True), autojunk=False)
    for kind, start, end, first, last in lines.get_opcodes():
        if kind == "equal":
            continue
        was, now = ("".join(each) for each in (before.splitlines(True)[start:end], after.splitlines(True)[first:last]))
        for tag, left, right, begin, stop in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
            old_text, new_text = was[left:right], now[begin:stop]
            meant = ARGUMENT.match(new_text) or ARGUMENT.match(old_text) or NOTHING.match(old_text)
            if tag != "equal" and not meant:
                yield f"{old_text!r} became {new_text!r}"


def dump(data: bytes) -> str:
    """Write a program's tree without the arguments that fixes write."""
    tree = tree_of(data)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [each for each in node.keywords if not (each.arg and WRITTEN.match(each.arg))]
    return ast.dump(tree)


def tree_of(data: bytes) -> ast.Module:
    """Parse without a word about odd escapes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(data)


if __name__ == "__main__":
    given = arguments("Fix copies of the labelled trees.").parse_args()
    sys.exit(0 if show(bring(given.trees, given.mirrors), given.trees) else 1)
