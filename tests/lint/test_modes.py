"""Modes: report, new-only, enforce, in real work trees of git; and files that git ignores."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paceline.cli.check import _Progress, command
from paceline.lint import git

HEAD = "from openai import OpenAI\nc = OpenAI(timeout=3, base_url='http://localhost:4100/t/a/b/v1')\n"
CALL = "c.chat.completions.create(\n    model=M,\n)\n"


def ask(directory: Path, *arguments: str) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@a"}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True, env=environment)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with one commit of its own on a branch; `old.py` is upstream's."""
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI"):
        monkeypatch.delenv(name, raising=False)
    upstream, here = tmp_path / "upstream", tmp_path / "here"
    upstream.mkdir()
    ask(upstream, "init", "-q", "-b", "main")
    (upstream / "old.py").write_text(HEAD + CALL)
    (upstream / ".gitignore").write_text("made/\n")
    ask(upstream, "add", ".")
    ask(upstream, "commit", "-qm", "one")
    ask(tmp_path, "clone", "-q", str(upstream), str(here))
    ask(here, "checkout", "-qb", "mine")
    (here / "new.py").write_text(HEAD + CALL)
    ask(here, "add", ".")
    ask(here, "commit", "-qm", "two")
    monkeypatch.chdir(here)
    return here


def check(*arguments: str) -> Result:
    result = CliRunner().invoke(command, ["--select", "C201", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def found(*arguments: str) -> dict[str, str | None]:
    rows = json.loads(check("--format", "json", *arguments).stdout)["findings"]
    return {f"{row['path']}:{row['line']}": row["held_by"] for row in rows}


@pytest.mark.usefixtures("tree")
def test_by_default_only_changed_lines_count() -> None:
    assert found() == {"new.py:3": None, "old.py:3": "old"}
    result = check()
    assert result.exit_code == 1
    assert "old.py" not in result.stdout
    assert "1 older" in result.stdout


@pytest.mark.usefixtures("tree")
def test_enforce_counts_all_and_report_fails_nothing() -> None:
    assert found("--mode", "enforce") == {"new.py:3": None, "old.py:3": None}
    assert check("--mode", "report").exit_code == 0
    assert "old.py:3" in check("--mode", "report").stdout


def test_any_line_of_a_call_makes_it_new(tree: Path) -> None:
    (tree / "old.py").write_text(HEAD + CALL.replace("model=M", "model=N"))
    assert found()["old.py:3"] is None
    (tree / "old.py").write_text(HEAD + CALL.replace("    model=M,\n", ""))
    assert found()["old.py:3"] is None, "a line that was taken out is a change, too"
    (tree / "old.py").write_text(HEAD + "\n\n\n\n" + CALL)
    assert found()["old.py:7"] == "old"


def test_files_not_yet_added_are_new_and_ignored_ones_are_not_looked_at(tree: Path) -> None:
    (tree / "fresh.py").write_text(HEAD + CALL)
    (tree / "made").mkdir()
    (tree / "made/out.py").write_text(HEAD + CALL)
    assert found() == {"fresh.py:3": None, "new.py:3": None, "old.py:3": "old"}
    assert set(found("made", "--mode", "enforce")) == {"made/out.py:3"}, "somebody asked for it"


def test_from_below_the_root(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "a b").mkdir()
    (tree / "a b/é.py").write_text(HEAD + CALL)
    monkeypatch.chdir(tree / "a b")
    assert found() == {"a b/é.py:3": None}
    assert check().stdout.startswith("é.py:3:1: ")
    ask(tree, "add", ".")
    assert found() == {"a b/é.py:3": None}


def test_lines_and_names_that_look_like_a_differences_own(tree: Path) -> None:
    """An added `++ x` is `+++ x` in the difference, and git quotes names with quotation marks."""
    (tree / "old.py").write_text("++ x\n" + HEAD + CALL + "x = 1\n" + CALL)
    (tree / 'say "é"').write_text("x\n")
    ask(tree, "add", ".")
    assert git.changed(tree, "HEAD") == {"old.py": ((1, 1), (7, 10)), 'say "é"': ((1, 1),)}


def test_a_base_that_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("--base", "HEAD") == {"new.py:3": "old", "old.py:3": "old"}
    (tree / "paceline-check.toml").write_text("mode = 'enforce'\n")
    assert found("--base", "HEAD")["old.py:3"] is None, "a base does not change the mode that the project chose"
    (tree / "paceline-check.toml").unlink()
    result = check("--base", "nowhere")
    assert result.exit_code == 2
    assert "no commit nowhere" in result.stderr
    ask(tree, "remote", "remove", "origin")
    assert found() == {"new.py:3": None, "old.py:3": None}, "without a base all counts"
    assert "--base REF" in check("--mode", "new-only").stderr
    monkeypatch.setenv("CI", "true")
    assert "all findings count: there is no commit to compare with" in check().stdout


def test_inside_a_hook_of_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.chdir(tree)
    assert found() == {"new.py:3": None, "old.py:3": "old"}


def test_without_git_there_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git.base(tmp_path, None) is None
    assert git.changed(tmp_path, "HEAD") is None
    monkeypatch.setenv("PATH", "")
    assert git.files(tmp_path) is None


def test_progress_is_shown_on_terminals_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with _Progress() as quiet:
        quiet(200, 400)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with _Progress() as shown:
        shown(10, 20)
        shown(208, 400)
    said = capsys.readouterr().err
    assert said.count("files") == 1
    assert "208 of 400 files" in said
    assert said.endswith("\r\x1b[K")


def test_what_another_file_sets_for_all_counts_for_a_file_that_is_named_alone(tree: Path) -> None:
    (tree / "ask.py").write_text("import litellm\n\nlitellm.completion(model=M, messages=m, max_tokens=3)\n")

    def timeouts(*paths: str) -> int:
        result = CliRunner().invoke(command, [*paths, "--select", "T302", "--mode", "enforce"])
        return result.stdout.count("T302")

    assert timeouts("ask.py") == timeouts() == 1
    (tree / "boot.py").write_text("import litellm\n\nlitellm.request_timeout = 30\n")
    ask(tree, "add", ".")
    assert timeouts("ask.py") == timeouts() == 0
