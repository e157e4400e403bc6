"""The baseline: it allows counts, shrinks by itself, and grows only when asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paceline.cli.check import command

CALL = "c.chat.completions.create(model=M)\n"
HEAD = "from openai import OpenAI\nc = OpenAI(timeout=3, base_url='http://localhost:4100/t/a/b/v1')\n"
FILE = "paceline-baseline.json"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "a.py").write_text(HEAD + CALL * 2)
    (tmp_path / "b.py").write_text(HEAD + CALL)
    return tmp_path


def check(*arguments: str) -> Result:
    result = CliRunner().invoke(command, ["--select", "C201", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def counts(here: Path) -> object:
    return json.loads((here / FILE).read_text())["findings"]


def test_what_is_in_it_does_not_count(here: Path) -> None:
    assert check().exit_code == 1
    grown = check("--baseline-add")
    assert grown.exit_code == 0
    assert f"the baseline {FILE} grew by 3 to 3" in grown.stdout
    assert "held back: 3 by the baseline" in grown.stdout
    assert counts(here) == {"a.py": {"C201": 2}, "b.py": {"C201": 1}}
    assert check().exit_code == 0
    assert check("--no-baseline").exit_code == 1


def test_a_name_on_the_command_line_counts_from_where_one_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "paceline-check.toml").write_text("baseline = 'held.json'\n")
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    check("..", "--baseline-add")
    check("..", "--baseline-add", "--baseline", "mine.json")
    assert [str(each.relative_to(here)) for each in sorted(here.rglob("*.json"))] == ["below/mine.json", "held.json"]


def test_one_more_shows_all_of_that_file(here: Path) -> None:
    check("--baseline-add")
    (here / "a.py").write_text(HEAD + CALL * 3)
    result = check()
    assert result.exit_code == 1
    assert result.stdout.count("C201") == 3
    assert counts(here) == {"a.py": {"C201": 2}, "b.py": {"C201": 1}}, "it grew unasked"


def test_it_shrinks_by_itself(here: Path) -> None:
    check("--baseline-add")
    (here / "a.py").write_text(HEAD + CALL)
    (here / "b.py").unlink()
    assert f"the baseline {FILE} shrank by 2 to 1" in check().stdout
    assert counts(here) == {"a.py": {"C201": 1}}


def test_where_it_cannot_be_written_smaller_nothing_fails(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check("--baseline-add")
    (here / "b.py").write_text(HEAD)

    def refused(*_arguments: object, **_more: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refused)
    result = check()
    assert result.exit_code == 0
    assert "the baseline could shrink by 1, but" in result.stdout
    assert "cannot be written: Read-only file system" in check("--baseline-add").stderr


def test_what_was_not_looked_at_stays(here: Path) -> None:
    check("--baseline-add")
    (here / "a.py").write_text(HEAD)
    (here / "b.py").write_text(HEAD)
    CliRunner().invoke(command, ["b.py", "--select", "T303"])
    assert counts(here) == {"a.py": {"C201": 2}, "b.py": {"C201": 1}}
    check("b.py")
    assert counts(here) == {"a.py": {"C201": 2}}


def test_a_front_end_that_is_not_installed_mends_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "c.ts").write_text("import O from 'openai';\nconst c = new O();\nc.responses.create({ input: i });\n")
    check("--baseline-add")
    wanted = counts(here)
    (here / "b.py").write_text(HEAD)
    for name in [each for each in sys.modules if each.startswith("paceline.lint.typescript")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    result = check()
    assert "1 file was not looked at: TypeScript and JavaScript need" in result.stdout
    assert counts(here) == {"a.py": {"C201": 2}, "c.ts": {"C201": 1}}
    assert check("c.ts").exit_code == 2, "it was named"
    assert wanted == {"a.py": {"C201": 2}, "b.py": {"C201": 1}, "c.ts": {"C201": 1}}


def test_in_ci_it_is_left_alone_and_nothing_fails(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check("--baseline-add")
    monkeypatch.setenv("CI", "true")
    (here / "b.py").write_text(HEAD)
    before = (here / FILE).read_bytes()
    result = check()
    assert result.exit_code == 0
    assert "1 of the baseline are mended" in result.stdout
    assert (here / FILE).read_bytes() == before
    check("--baseline-prune")
    assert counts(here) == {"a.py": {"C201": 2}}


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 1, "findings": {"a.py": {"C201": "2"}}}', '{"version": 2}'])
def test_a_file_that_is_none_is_named(here: Path, text: str) -> None:
    (here / FILE).write_text(text)
    result = check()
    assert result.exit_code == 2
    assert f"{FILE} is no baseline" in result.stderr
