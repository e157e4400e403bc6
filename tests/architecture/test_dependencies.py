"""Who may depend on whom, and that the locks say what the manifests ask.

Owns the boundaries between our crates and the two libraries that only one of them may know; licences, sources and
duplicates are cargo-deny's (deny.toml), the layers of the Python package import-linter's (pyproject.toml).
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

KNOWN_ONLY_TO = {
    "pyo3": {"paceline-py"},
    "h2": {"paceline-http"},
    "hyper": {"paceline-http"},
    "hyper-util": {"paceline-http"},
}
# Crates without I/O: what they decide must not depend on a clock's, a socket's or a runtime's behaviour.
PURE = {"paceline-types", "paceline-plan", "paceline-policy", "paceline-providers"}
RUNTIMES = {"tokio", "h2", "hyper", "hyper-util", "rustls", "socket2", "mio", "libc"}


@pytest.fixture(scope="module")
def crates(root: Path) -> dict[str, dict[str, Any]]:
    """Our crates by name, as cargo sees them; fails when Cargo.lock is out of step."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--no-deps"]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {package["name"]: package for package in json.loads(done.stdout)["packages"]}


def test_one_crate_knows_python_and_one_knows_http(crates: dict[str, dict[str, Any]]) -> None:
    for library, allowed in KNOWN_ONLY_TO.items():
        knowing = {name for name, package in crates.items() if library in _needs(package, dev=True)}
        assert knowing == allowed, library


def test_pure_crates_know_no_runtime(crates: dict[str, dict[str, Any]]) -> None:
    assert {name: found for name in PURE if (found := RUNTIMES & _needs(crates[name], dev=False))} == {}


def test_no_crate_above_types_is_needed_by_types(crates: dict[str, dict[str, Any]]) -> None:
    assert not [name for name in _needs(crates["paceline-types"], dev=True) if name.startswith("paceline-")]


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_a_lock_holds_every_requirement_with_hashes(root: Path, pyproject: dict[str, Any], lock: str) -> None:
    text = (root / "requirements" / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    locked: dict[str, set[Version]] = {}
    for entry in entries:
        name, version = re.match(r"([\w.-]+)==([\w.+!-]+)", entry).groups()  # type: ignore[union-attr]
        locked.setdefault(canonicalize_name(name), set()).add(Version(version))
    for requirement in _requirements(pyproject, everything=lock == "dev.lock"):
        versions = locked.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement} is not in {lock}: make lock"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement}: make lock"


def test_the_locks_agree(root: Path) -> None:
    run, dev = (
        set(re.findall(r"^[\w.-]+==\S+", (root / "requirements" / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in ("run.lock", "dev.lock")
    )
    assert run <= dev


def test_the_default_install_stays_small(root: Path) -> None:
    lines = (root / "requirements" / "run.lock").read_text(encoding="utf-8")
    names = set(re.findall(r"^([\w.-]+)==\S+ *(?:;.*)?\\$", lines, re.MULTILINE))
    assert len(names) <= 40  # this lock also holds the demo's SDKs and the build tool


def _needs(package: dict[str, Any], *, dev: bool) -> set[str]:
    return {need["name"] for need in package["dependencies"] if dev or need["kind"] is None}


def _requirements(pyproject: dict[str, Any], *, everything: bool) -> list[Requirement]:
    extras, groups = pyproject["project"]["optional-dependencies"], pyproject["dependency-groups"]
    wanted = [*pyproject["project"]["dependencies"], *extras["demo"], *groups["build"]]
    if everything:
        wanted += [*(need for extra in extras.values() for need in extra)]
        wanted += [need for need in groups["dev"] if isinstance(need, str)]
    return [Requirement(need) for need in wanted]
