"""A missing or too old toolchain gets one line that says what to install.

Owns the cases of scripts/toolchain.sh, run with a PATH that holds nothing but what the case allows.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ORDINARY = ("dirname", "sed", "cut", "cat", "sh")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with the ordinary commands, this Python, and a cargo that is new enough."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ORDINARY:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    program(folder / "python3", f'exec "{sys.executable}" "$@"')
    program(folder / "cargo", "echo 'cargo 9.0.0 (0 2026-01-01)'")
    program(folder / "cc", "")
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(root: Path, tools: Path) -> tuple[int, str, str]:
    command = ["/bin/sh", str(root / "scripts" / "toolchain.sh")]
    done = subprocess.run(command, env={"PATH": str(tools)}, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_a_fitting_python_is_named(root: Path, tools: Path) -> None:
    code, out, err = run(root, tools)
    assert (code, err) == (0, "")
    assert Path(out.strip()).is_file()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("python3", "exit 127", "Python 3.11 or newer was not found: install it"),
        ("cargo", "exit 127", "cargo was not found: install Rust "),
        ("cargo", "echo 'cargo 1.60.0 (0 2022-01-01)'", "Rust 1.60.0 is too old: "),
        ("cc", None, "a C compiler was not found: install one"),
    ],
)
def test_what_is_missing_or_too_old_gets_one_line(
    root: Path, tools: Path, name: str, text: str | None, said: str
) -> None:
    if text is None:
        (tools / name).unlink()
    else:
        program(tools / name, text)
    code, out, err = run(root, tools)
    assert (code, out) == (1, "")
    assert err.startswith(f"make: {said}")
    assert err.count("\n") == 1
