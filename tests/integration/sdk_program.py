"""Runs a program that uses an SDK under `paceline run`, with either major of the SDK."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.installation import PATIENCE_S, Installation


def habits_of(program: Path) -> list[str]:
    """List the functions on the program's list, in its order."""
    for node in ast.parse(program.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "HABITS":
            return [name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)]
    message = f"{program} has no list of habits"
    raise LookupError(message)


def results(request: pytest.FixtureRequest, at: Installation, program: Path, key: str, hurry: str) -> dict[str, str]:
    """Run the program and return what it found, by habit."""
    python = sys.executable if request.param == "current" else str(request.getfixturevalue("previous_sdks"))
    paceline = [sys.executable, "-m", "paceline", "run", "--gateway", at.url, "--data", str(at.data.path)]
    tag = ["--service", "helpdesk", "--use-case", "support-chat"]
    strict = at.key("strict", "support-chat")
    done = subprocess.run(
        [*paceline, *tag, "--", python, str(program), at.url, key, hurry, strict],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={name: value for name, value in os.environ.items() if name not in {"PACELINE_KEY", "PYTHONPATH"}}
        | (
            {"PYTHONPATH": os.environ["PYTHONPATH"]}
            if request.param == "current" and "PYTHONPATH" in os.environ
            else {}
        ),
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
