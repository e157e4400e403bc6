"""Every form of output: complete, in a fixed order, within the limits of who reads it."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot

from paceline.cli.check import command
from paceline.lint.findings import Finding, Fix
from paceline.lint.output import View, render
from paceline.lint.rules import CODES, OWN
from paceline.lint.run import Outcome
from paceline.lint.settings import FORMATS

APP = 'from openai import OpenAI\nc = OpenAI(\n    timeout=None,\n)\né = c.chat.completions.create(model="x|y")\n'


def finding(line: int, severity: str = "error", **more: Any) -> Finding:
    place = ("a b/app.py", line, 1)
    values = {"first": line, "last": line, **more}
    return Finding(*place, "C201", "cap-missing", severity, "no cap: a|b, 100 %", "Set it.\nNow", **values)


def view(*findings: Finding, **more: Any) -> View:
    outcome = Outcome(findings=list(findings), files=3, sites=2, decided=5, undecided=1, unread=[("b.py", "is odd")])
    return View(outcome, Path.cwd(), **more)


HELD = (
    finding(1),
    finding(2, held_by="pragma", suppressed="short"),
    finding(3, held_by="baseline", suppressed="in the baseline"),
    finding(4, held_by="old"),
    finding(5, held_by="config", suppressed="by the configuration"),
)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_can_be_written_and_is_the_same_again(form: str) -> None:
    assert render(view(*HELD), form) == render(view(*HELD), form)
    assert render(view(), form)


def test_full_shows_the_lines_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    shown = CliRunner().invoke(command, ["--format", "full", "--select", "T303,C201"]).stdout
    assert shown.rpartition("2 errors")[0] == snapshot("""\
app.py:3:13: error T303 `OpenAI` is told to wait for ever [timeout-none]
      3 |     timeout=None,
        |             ^
      4 | )
  hint: Give a number.
  fix:  leave the SDK its own timeout (--fix)

app.py:5:5: error C201 `create` has no output cap [cap-missing]
      5 | é = c.chat.completions.create(model="x|y")
        |     ^
  hint: Set the cap of this API.
  fix:  cap it at 1024 tokens (--fix --unsafe-fixes)

""")


def test_full_says_how_a_fix_is_applied() -> None:
    fix = Fix("Remove `timeout=None`", "unsafe")
    assert "  fix:  Remove `timeout=None` (--fix --unsafe-fixes)" in render(view(finding(1, fix=fix)), "full")


def test_colour_is_for_terminals() -> None:
    assert "\x1b[31merror" in render(view(finding(1), color=True), "concise")
    assert "\x1b" not in render(view(finding(1)), "concise")


def test_json_has_what_is_held_back_and_by_what() -> None:
    document = json.loads(render(view(*HELD), "json"))
    assert [row["held_by"] for row in document["findings"]] == [None, "pragma", "baseline", "old", "config"]
    assert document["counts"] == {"error": 1, "warning": 0, "info": 0}
    rows = [json.loads(line) for line in render(view(*HELD), "json-lines").splitlines()]
    assert [row["type"] for row in rows] == [*["finding"] * 5, "unread", "coverage"]


def sarif(shown: View) -> dict[str, Any]:
    (run,) = json.loads(render(shown, "sarif"))["runs"]
    assert isinstance(run, dict)
    return run


def test_sarif_declares_all_rules_and_exports_suppressions() -> None:
    run = sarif(view(*HELD, pages="https://docs.acme.example/rules/"))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*CODES, *OWN]
    assert all(rule["help"]["markdown"].startswith(f"# {rule['id']}") for rule in rules)
    assert rules[0]["helpUri"] == f"https://docs.acme.example/rules/{CODES[0]}.md"
    kinds = [[each["kind"] for each in result.get("suppressions", ())] for result in run["results"]]
    assert kinds == [[], ["inSource"], ["external"], [], ["external"]]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert len({result["partialFingerprints"]["paceline/v1"] for result in run["results"]}) == len(HELD)
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": place["artifactLocation"]["uri"], "uriBaseId": "%SRCROOT%"}
    assert place["artifactLocation"]["uri"].endswith("a%20b/app.py")
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].endswith("b.py: skipped: is odd")


def test_sarif_of_changed_lines_says_what_was_there_before() -> None:
    states = [result["baselineState"] for result in sarif(view(*HELD, mode="new-only"))["results"]]
    assert states == ["new", "unchanged", "unchanged", "unchanged", "unchanged"]


def test_sarif_keeps_to_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paceline.lint.output.sarif.SHOWN_MAX", 2)
    monkeypatch.setattr("paceline.lint.output.sarif.RESULTS_MAX", 3)
    run = sarif(view(finding(1, "info"), finding(2, "warning"), finding(3), finding(4)))
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]
    assert "1 results are left out" in json.dumps(run["invocations"])


def test_github_annotates_ten_of_a_kind_the_changed_and_the_worst_first() -> None:
    found = [finding(line, severity) for severity in ("warning", "error") for line in range(1, 15)]
    lines = render(view(*found, near=lambda each: each.line > 4), "github").splitlines()
    annotated = [line for line in lines if line.startswith("::")]
    assert [line.partition(" ")[0] for line in annotated] == ["::error"] * 10 + ["::warning"] * 10
    assert ",line=5," in annotated[0]
    assert lines[20].startswith("8 more are listed here alone: GitHub shows 10 annotations")
    assert sum("[cap-missing]" in line for line in lines) == 8


def test_github_escapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert render(view(finding(1, last=3)), "github").splitlines()[0] == snapshot(
        "::error file=a b/app.py,line=1,col=1,endLine=3,title=C201 cap-missing::no cap: a|b, 100 %25. Set it.%0ANow"
    )


def test_paths_for_ci_count_from_the_top_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    shown = View(Outcome(findings=[finding(1)]), tmp_path / "sub")
    assert "file=sub/a b/app.py" in render(shown, "github")
    assert json.loads(render(shown, "gitlab"))[0]["location"]["path"] == "sub/a b/app.py"


def test_gitlab() -> None:
    rows = json.loads(render(view(*HELD, finding(9)), "gitlab"))
    assert [row["location"]["lines"]["begin"] for row in rows] == [1, 9]
    assert len({row["fingerprint"] for row in rows}) == 2
    assert {row["severity"] for row in rows} == {"major"}


def test_junit() -> None:
    suite = ET.fromstring(render(view(*HELD), "junit"))  # noqa: S314  # our own text
    (case,) = suite.iter("testcase")
    assert case.attrib["name"] == "C201 a b/app.py:1:1"
    assert [each.attrib["type"] for each in case] == ["error"]
    assert ET.fromstring(render(view(), "junit")).attrib["failures"] == "0"  # noqa: S314


def test_markdown() -> None:
    text = render(view(finding(1), finding(2, "warning")), "markdown")
    assert text.startswith("## paceline check: 1 error, 1 warning, 0 notes\n")
    assert "| `C201` cap-missing | error | 2 | 1 |" in text
    assert "a\\|b" in text


def test_where_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    result = CliRunner().invoke(command, ["--format", "json", "-o", "out.json", "--summary"])
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("2 sites in 1 file")
    assert json.loads((tmp_path / "out.json").read_text())["mode"] == "enforce"
    assert (tmp_path / "summary").read_text().startswith("## paceline check")
    assert "cannot be written" in CliRunner().invoke(command, ["-o", "none/out"]).stderr
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "none/summary.md")
    assert "none/summary.md cannot be written" in CliRunner().invoke(command, ["--summary"]).stderr
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert "--format markdown" in CliRunner().invoke(command, ["--summary"]).stderr


def test_places_in_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = ["from openai import OpenAI\n", "c = OpenAI(timeout=None)"]
    call = ["# why\n", "c.chat.completions.create(model=M)"]
    held = ['c.chat.completions.create(model=M)  # paceline: ignore[C201] reason="one word"']
    cells = [{"cell_type": "code", "source": each} for each in (code, call, held)]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))

    def run(form: str) -> str:
        return CliRunner().invoke(command, ["--select", "C201", "--format", form]).stdout

    assert run("full").splitlines()[:3] == [
        "a.ipynb:cell 2:2:1: error C201 `create` has no output cap [cap-missing]",
        "      2 | c.chat.completions.create(model=M)",
        "        | ^",
    ]
    assert "1 error, 0 warnings, 0 notes; held back: 1 by pragmas" in run("concise")
    said = "cell 2, line 2: `create` has no output cap."
    assert f"::error file=a.ipynb,line=1,title=C201 cap-missing::{said}" in run("github")
    assert f"C201 {said}" in json.loads(run("gitlab"))[0]["description"]
    assert 'file="a.ipynb" line="1">' in run("junit")
    assert f'message="{said}' in run("junit")
    assert "`a.ipynb:cell 2:2:1`" in run("markdown")
    first = json.loads(run("json"))["findings"][0]
    assert (first["line"], first["cell"], first["cell_line"]) == (4, 2, 2)
    assert '"cell": 2, "cell_line": 2' in run("json-lines")
    (result, _) = json.loads(run("sarif"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    assert result["message"]["text"].startswith(said)


ODD = b"a:b,c/x\ny\x1b[31m\xff.py"


@pytest.mark.parametrize("form", FORMATS)
def test_names_of_files_may_be_odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b,c").mkdir()
    Path(os.fsdecode(ODD)).write_text(APP)
    result = CliRunner().invoke(command, ["--format", form])
    assert result.exit_code == 1, result.exception
    assert CliRunner().invoke(command, ["--format", form, "-o", "out"]).exit_code == 1
    (tmp_path / "out").read_text(encoding="utf-8")
    if form in {"concise", "full"}:
        assert "a:b,c/x\\ny\\x1b[31m" in result.stdout
