"""Which files are looked at, and the patterns that name them. Work trees of git are in `test_modes`."""

from __future__ import annotations

from pathlib import Path

import pytest

from paceline.lint.discovery import Selection, find, is_test
from paceline.lint.globs import matcher


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    names = (
        *("a.py", "b.txt", "src/c.py", "src/c.ts", "src/build/d.py", "tests/e.py", "src/test_f.py", "src/g.test.ts"),
        *("node_modules/h.js", ".venv/i.py", "src/j.min.js", "src/k.d.ts", "requirements.txt", "src/l.PY"),
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_what_is_written_by_hand_and_no_test(tree: Path) -> None:
    assert find([tree], Selection(tree)) == ["a.py", "requirements.txt", "src/c.py", "src/c.ts", "src/l.PY"]


def test_tests_when_asked_for(tree: Path) -> None:
    found = find([tree], Selection(tree, tests=True))
    assert {"tests/e.py", "src/test_f.py", "src/g.test.ts"} <= set(found)


def test_what_is_named_is_always_taken(tree: Path) -> None:
    named = [tree / "b.txt", tree / "tests/e.py", tree / "tests", tree / "src/build"]
    assert find(named, Selection(tree, exclude=("*",))) == ["b.txt", "tests/e.py"]
    assert find(named[2:], Selection(tree)) == ["src/build/d.py", "tests/e.py"]


def test_what_is_named_can_be_left_out_all_the_same(tree: Path) -> None:
    named = [tree / each for each in ("a.py", "src/c.py", "tests/e.py")]
    assert find(named, Selection(tree, exclude=("src",), forced=True)) == ["a.py"]
    assert find(named, Selection(tree, include=("src",), tests=True, forced=True)) == ["src/c.py"]


def test_include_and_exclude(tree: Path) -> None:
    assert find([tree], Selection(tree, include=("src/**/*.py", "src/*.ts"))) == ["src/c.py", "src/c.ts"]
    assert find([tree / "src"], Selection(tree, exclude=("*.ts", "/src/l.PY"))) == ["src/c.py"]


def test_outside_the_root_a_name_is_absolute(tree: Path) -> None:
    assert find([tree / "a.py"], Selection(tree / "src")) == [(tree / "a.py").as_posix()]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.py", ["a.py", "a/b.py"], ["a.pyi", "a.py.txt"]),
        ("scripts", ["scripts/a.py", "a/scripts/b.py"], ["scripts.py", "myscripts/a.py"]),
        ("src/*.py", ["src/a.py"], ["a/src/a.py", "src/a/b.py"]),
        ("src/**", ["src/a.py", "src/a/b.py"], ["srcs/a.py"]),
        ("**/gen/*.py", ["gen/a.py", "a/b/gen/c.py"], ["gen/a/b.py"]),
        ("a/", ["a/b.py", "c/a/b.py"], ["b.py"]),
        ("./a/b.py", ["a/b.py"], ["c/a/b.py"]),
        ("a?[bc].py", ["axb.py"], ["ab.py", "axd.py"]),
        ("[!a].py", ["b.py"], ["a.py"]),
        ("a+(b).py", ["a+(b).py"], ["ab.py"]),
    ],
)
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    matches = matcher((pattern,))
    assert [each for each in [*yes, *no] if matches(each)] == yes


def test_no_pattern_matches_nothing() -> None:
    assert not matcher(())("a")


@pytest.mark.parametrize(
    "name", ["test_a.py", "a_test.py", "conftest.py", "x/tests/a.py", "a.spec.tsx", "__mocks__/a.js"]
)
def test_tests(name: str) -> None:
    assert is_test(name)
