"""Pragmas: what they cover, what is wrong with them, and that only comments hold them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from paceline.catalogue import load
from paceline.lint import run
from paceline.lint.findings import Finding, Policy
from paceline.lint.look import look
from paceline.lint.pragmas import pragmas
from paceline.lint.rules import CODES, OWN
from paceline.lint.run import Choice, Outcome, add, check_bytes
from paceline.lint.settings import Settings

DAY = date(2026, 11, 23)
HEAD = "from openai import OpenAI\nc = OpenAI(timeout=3, base_url='http://localhost:4100/t/a/b/v1')\n"
WHY = 'reason="short answers"'


def lint(code: str) -> list[Finding]:
    outcome = Outcome()
    check_bytes((HEAD + code).encode(), "app.py", load(), Policy(), DAY, outcome)
    return sorted(outcome.findings)


COVERED = {
    "the line": f"c.chat.completions.create()  # paceline: ignore[C201] {WHY}",
    "above": f"# paceline: ignore[C201] {WHY}\nc.chat.completions.create()",
    "above, with a comment between": f"# paceline: ignore[C201] {WHY}\n# it is short\n\nc.chat.completions.create()",
    "above several lines": f"# paceline: ignore[C201] {WHY}\nx = (\n  c.chat\n  .completions.create()\n)",
    "behind its last line": f"x = f(\n  c.chat.completions.create(\n    model=M,\n  ))  # paceline: ignore[C201] {WHY}",
    "inside brackets, above": f"x = [\n  1,\n  # paceline: ignore[C201] {WHY}\n  c.chat.completions.create(),\n]",
    "behind the call": f"x = [\n  c.chat.completions.create(\n  ),  # paceline: ignore[C201] {WHY}\n  1,\n]",
    "several codes": f"c.chat.completions.create()  # paceline: ignore[C201, M401] {WHY}",
    "until": f"c.chat.completions.create()  # paceline: ignore[C201] {WHY} until=2027-01-31",
}


@pytest.mark.parametrize("name", COVERED)
def test_what_it_covers(name: str) -> None:
    caps = [each for each in lint(COVERED[name]) if each.code == "C201"]
    assert [(each.held_by, each.suppressed) for each in caps] == [("pragma", "short answers")]


NOT_COVERED = {
    "two lines above": f"# paceline: ignore[C201] {WHY}\nx = 1\nc.chat.completions.create()",
    "in a string": f"'# paceline: ignore[C201] {WHY}'; c.chat.completions.create()",
    "in the middle of a statement": f"x = [\n  1,  # paceline: ignore[C201] {WHY}\n  c.chat.completions.create(),\n]",
    "the header above a body": f"if x:  # paceline: ignore[C201] {WHY}\n  c.chat.completions.create()",
}


@pytest.mark.parametrize("name", NOT_COVERED)
def test_what_it_does_not_cover(name: str) -> None:
    assert [each.held_by for each in lint(NOT_COVERED[name]) if each.code == "C201"] == [None]


@pytest.mark.parametrize(
    ("pragma", "code", "words"),
    [
        ("ignore[C201]", "L001", "no reason"),
        ('ignore[C201] reason="  "', "L001", "no reason"),
        (f"ignore[C201] {WHY} until=2026-11-22", "L002", "ended on 2026-11-22"),
        (f"ignore[C201] {WHY} until=soon", "L002", "ended on soon"),
        (f"ignore[T303] {WHY}", "L003", "for T303 suppresses nothing"),
        (f"ignore[C201, T303] {WHY}", "L003", "for T303 suppresses nothing"),
        (f"ignore[C999] {WHY}", "L004", "no rule C999"),
        (f"ignore[] {WHY}", "L004", "names no rule"),
        (f"ignore C201 {WHY}", "L004", "not of the form"),
        ("off", "L004", "not of the form"),
    ],
)
def test_what_is_wrong_with_it(pragma: str, code: str, words: str) -> None:
    own = [each for each in lint(f"c.chat.completions.create()  # paceline: {pragma}") if each.code.startswith("L")]
    assert [each.code for each in own] == [code]
    assert words in own[0].message
    assert (own[0].line, own[0].column) == (3, 30)


def test_a_rule_that_is_off_is_not_unused() -> None:
    data = (HEAD + f"x = 1  # paceline: ignore[T303] {WHY}").encode()
    outcome = Outcome()
    add(outcome, "app.py", look(data, "app.py", load(), Policy()), Choice(frozenset(CODES) - {"T303"} | set(OWN)), DAY)
    assert outcome.findings == []


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("requirements.txt", f"openai==1 # paceline: ignore[B101] {WHY}\n", {1}),
        ("requirements.txt", f"# paceline: ignore[B101] {WHY}\n\nopenai==1\n", {1, 3}),
        ("pyproject.toml", f"x = '# paceline: ignore[B101] {WHY}'\n", None),
    ],
)  # fmt: skip
def test_files_without_statements(path: str, text: str, found: set[int] | None) -> None:
    assert [set(each.covers) for each in pragmas(text.encode(), path)] == ([found] if found else [])


@pytest.mark.parametrize(
    ("text", "live"),
    [
        (f"ignore[C201] {WHY}", 1),
        (f"ignore[C201] {WHY} until=2027-01-31", 1),
        (f"ignore[C201] {WHY} until=2026-01-31", 0),
        ("ignore[C201]", 0),
        (f"ignore[cap-missing] {WHY}", 0),
        (f"ignore[] {WHY}", 0),
    ],
)
def test_only_a_sound_one_counts_as_an_exception(text: str, live: int) -> None:
    outcome = Outcome()
    data = f"x = 1  # paceline: {text}\n".encode()
    add(outcome, "app.py", look(data, "app.py", load(), Policy()), Choice(frozenset((*CODES, *OWN))), DAY)
    assert outcome.pragmas == live


def test_what_cannot_be_read_has_those_before() -> None:
    broken = f"x = 1  # paceline: ignore[C201] {WHY}\n(\n"
    assert [each.line for each in pragmas(broken.encode())] == [1]


def test_what_is_wrong_with_pragmas_can_be_ignored_by_configuration_only(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(HEAD + f"x = 1  # paceline: ignore[T303, L003] {WHY}\n")
    for ignore, expected in (((), ["L004"]), (("L004",), []), (("pragma-wrong",), []), (("ALL",), [])):
        outcome = run.check([tmp_path], Settings(tmp_path, select=("T303",), ignore=ignore), Policy(), DAY)
        assert [each.code for each in outcome.findings] == expected
