"""The doors of the project: README's two commands, make's targets, the list of dependencies with their reasons.

Owns that what a newcomer is told is there; what the commands do has tests of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from paceline import _core

TARGETS_MAX = 20


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_readme_shows_both_commands(root: Path, command: str) -> None:
    assert command in (root / "README.md").read_text(encoding="utf-8")


def test_make_has_few_targets_and_help_for_each(root: Path) -> None:
    text = (root / "Makefile").read_text(encoding="utf-8")
    declared = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())  # type: ignore[index]
    helped = set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))
    assert declared == helped
    assert len(declared) < TARGETS_MAX
    assert declared >= {"demo", "test", "lint", "fmt", "bench", "docs", "clean"}


def test_make_alone_prints_the_help(root: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make"], cwd=root, env=env, check=True, capture_output=True, text=True)
    assert "make demo" in done.stdout
    assert done.stderr == ""


def test_every_dependency_has_its_reason(root: Path, pyproject: dict[str, Any], workspace: dict[str, Any]) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    ours = pyproject["project"]
    lists = [ours["dependencies"], *ours["optional-dependencies"].values(), *pyproject["dependency-groups"].values()]
    python = {Requirement(need).name for needs in lists for need in needs if isinstance(need, str)}
    rust = {name for name in workspace["workspace"]["dependencies"] if not name.startswith("paceline-")}
    rows = re.findall(r"^\| ((?:`[\w.-]+`(?:, )?)+) \| \S", text, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([\w.-]+)`", row)}
    assert sorted((python | rust) - explained) == []
    assert sorted(explained - python - rust) == [], "no longer needed: take it off the list"


def test_the_versions_agree(workspace: dict[str, Any], pyproject: dict[str, Any]) -> None:
    assert _core.version() == workspace["workspace"]["package"]["version"]
    assert "version" in pyproject["project"]["dynamic"]
