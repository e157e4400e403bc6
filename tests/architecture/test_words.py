"""Names and openings: every file says what it owns, none is named after nothing, none knows the machine it was made on.

Owns these rules for all tracked files; docstrings inside a file are interrogate's and ruff's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

NAMES_THAT_SAY_NOTHING = {"util", "utils", "common", "helper", "helpers", "manager", "misc"}

# A developer's own folders, and hosts that serve packages: neither means anything on another machine.
PRIVATE_PATH = re.compile(r"(?:^|[\s\"'`=(:])/(?:home|root|Users|work|workspace)/[\w.]")
PACKAGE_HOST = re.compile(r"https?://(?:index|registry|proxy|mirror|static|files)\.")
TEXT = (
    ".rs",
    ".py",
    ".pyi",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".sh",
    ".html",
    ".css",
    ".js",
    ".lock",
    ".txt",
    "",
)


def test_every_source_file_opens_with_what_it_owns(root: Path, sources: Callable[..., list[Path]]) -> None:
    silent = [str(path) for path in sources(".rs", ".py", ".pyi", ".sh") if not _opens_well(root / path)]
    assert silent == []


def test_no_path_has_a_name_that_says_nothing(files: list[Path]) -> None:
    named = [str(path) for path in files if NAMES_THAT_SAY_NOTHING & set(re.split(r"[/_.\-]", str(path).lower()))]
    assert named == []


def test_no_file_names_a_machine_of_its_makers(root: Path, sources: Callable[..., list[Path]]) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in sources(*TEXT)
        for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1)
        if PRIVATE_PATH.search(line) or PACKAGE_HOST.search(line)
    ]
    assert found == []


def _opens_well(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".rs":
        return text.startswith("//! ")
    if path.suffix == ".sh":
        return text.startswith("#!/bin/") and text.split("\n", 2)[1].startswith("# ")
    return bool(ast.get_docstring(ast.parse(text)))
