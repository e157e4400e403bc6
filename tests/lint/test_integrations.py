"""The pre-commit manifest and the GitHub Action: their command lines are ours, and the action's script really runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from paceline.cli.check import command as check

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "deploy" / "github-action"

OLD = "from openai import OpenAI\n\nclient = OpenAI(timeout=30)\nclient.responses.create(model=MODEL, input=TEXT)\n"
NEW = "client.chat.completions.create(model=MODEL, messages=TEXT)\n"


def test_pre_commit_hooks_run_the_linter_on_every_language_it_reads() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["paceline-check", "paceline-check-installed"]
    for hook in hooks:
        assert hook["entry"] == "paceline check --force-exclude"
        assert {"python", "jupyter", "ts", "tsx", "javascript", "jsx", "vue", "svelte"} <= set(hook["types_or"])


def test_each_input_of_the_action_reaches_its_script() -> None:
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    used = json.dumps(action["runs"])
    assert all(f"inputs.{name}" in used for name in action["inputs"])
    assert "base_ref" not in used, "the linter finds the target itself, and says so where it is not there"
    assert "${{" not in (ACTION / "check.sh").read_text()
    options = {name for parameter in check.params for name in parameter.opts}
    written = {
        word
        for word in (ACTION / "check.sh").read_text().replace("(", " ").replace(")", " ").split()
        if word.startswith("--")
    }
    assert written <= options


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A work tree with a finding on `base`, and one more on a branch of it."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "paceline"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m paceline "$@"\n')
    program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    _git(work, "init", "--quiet", "--initial-branch=base")
    (work / "app.py").write_text(OLD)
    _git(work, "add", ".")
    _git(work, "commit", "--quiet", "--message=old")
    _git(work, "checkout", "--quiet", "-b", "feature")
    (work / "app.py").write_text(OLD + NEW)
    _git(work, "commit", "--quiet", "--all", "--message=new")
    return work


def _git(work: Path, *arguments: str) -> None:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=work, check=True)


def _act(work: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | inputs | {"PATH": f"{work.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment["GITHUB_STEP_SUMMARY"] = str(work.parent / "summary.md")
    command = ["bash", str(ACTION / "check.sh")]
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


def test_a_pull_request_is_annotated_on_its_own_lines(repository: Path) -> None:
    done = _act(repository, PATHS=".", BASE="base", SARIF="found.sarif")
    assert done.returncode == 1, done.stderr
    annotations = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert [line.partition("::C201")[0].partition(",title")[0] for line in annotations] == [
        "::error file=app.py,line=5,col=1"
    ]
    assert "| `C201` cap-missing | error | 1 | 1 |" in (repository.parent / "summary.md").read_text()
    results = json.loads((repository / "found.sarif").read_text())["runs"][0]["results"]
    assert any(result["ruleId"] == "C201" for result in results)


def test_report_mode_never_fails(repository: Path) -> None:
    done = _act(repository, PATHS="app.py", MODE="report")
    assert done.returncode == 0, done.stderr
    assert "line=4" in done.stdout
    assert "line=5" in done.stdout


def test_a_wrong_path_fails_the_step(repository: Path) -> None:
    assert _act(repository, PATHS="nowhere").returncode == 2


@pytest.mark.parametrize(
    ("event", "reported"),
    [("push", True), ("pull_request", False), ("pull_request_target", False), ("merge_group", False)],
)
def test_what_is_not_merged_is_not_reported(repository: Path, event: str, reported: bool) -> None:
    """Nobody listens on port 9: that the report was tried is what is told."""
    wanted = {"REPORT_TO": "http://127.0.0.1:9", "SERVICE": "helpdesk", "GITHUB_EVENT_NAME": event}
    done = _act(repository, PATHS=".", MODE="report", **wanted)
    assert ("cannot be reached" in done.stderr) is reported
    assert done.returncode == (2 if reported else 0)


def test_without_the_history_all_findings_count_and_a_line_says_so(repository: Path) -> None:
    done = _act(repository, PATHS=".", CI="true", GITHUB_BASE_REF="base")
    assert done.returncode == 1, done.stderr
    assert "all findings count: there is no commit to compare with" in done.stdout
