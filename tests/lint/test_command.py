"""`paceline check` and `paceline rules` as people and machines see them; and that no bytes crash them."""

# ruff: noqa: E501  # one line a finding is the form

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from paceline.catalogue import load
from paceline.cli.check import command as check
from paceline.cli.explain import command as explain
from paceline.cli.rules import command as rules
from paceline.lint.findings import Policy
from paceline.lint.rules import CODES, OWN
from paceline.lint.run import Outcome, check_bytes

APP = """\
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(model="gpt-5.4", base_url=URL)


def ask(client, **more):
    client.chat.completions.create(messages=[], **more)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def run(command: object, *arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.usefixtures("here")
def test_concise() -> None:
    result = run(check, "--show-unknown")
    assert result.exit_code == 1
    assert result.stdout == snapshot("""\
app.py:3:7: warning C201 `ChatOpenAI` has no output cap [cap-missing]
app.py:3:7: error T301 `ChatOpenAI` waits for ever: langchain sets no timeout [timeout-infinite]
app.py:3:24: info M401 the model 'gpt-5.4' is written in the code [model-literal]
app.py:7:51: unknown C201 `**more` comes from elsewhere [cap-missing]
app.py:7:51: unknown I601 `**more` comes from elsewhere [tag-missing]
app.py:7:51: unknown M401 `**more` comes from elsewhere [model-literal]
app.py:7:51: unknown T301 `**more` comes from elsewhere [timeout-infinite]
1 error, 1 warning, 1 note
2 sites in 1 file; 13 facts: 7 decided, 6 unknown
""")


@pytest.mark.usefixtures("here")
def test_full() -> None:
    assert run(check, "app.py", "--format", "full").stdout.splitlines()[:4] == snapshot(
        [
            "app.py:3:7: warning C201 `ChatOpenAI` has no output cap [cap-missing]",
            '      3 | llm = ChatOpenAI(model="gpt-5.4", base_url=URL)',
            "        |       ^",
            "  hint: Set the cap of this API.",
        ]
    )


@pytest.mark.usefixtures("here")
def test_github() -> None:
    assert run(check, "--format", "github").stdout.splitlines()[0] == snapshot(
        "::error file=app.py,line=3,col=7,title=T301 timeout-infinite::`ChatOpenAI` waits for ever: langchain sets no timeout. Set `timeout`."
    )


@pytest.mark.usefixtures("here")
def test_json_and_sarif() -> None:
    document = json.loads(run(check, "--format", "json").stdout)
    assert document["coverage"] == snapshot(
        {"files": 1, "parsed": 1, "unread": 0, "sites": 2, "facts_decided": 7, "facts_unknown": 6}
    )
    sarif = json.loads(run(check, "--format", "sarif").stdout)["runs"][0]
    declared = {rule["id"] for rule in sarif["tool"]["driver"]["rules"]}
    assert set(CODES) < declared
    assert {result["ruleId"] for result in sarif["results"]} <= declared
    assert len(sarif["results"]) == len(document["findings"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 1), (("--mode", "report"), 0), (("--fail-on", "never"), 0), (("nothing.py",), 2), (("broken.py",), 2),
        ((".",), 1), (("clean.py",), 0), (("clean.py", "--fail-on", "info"), 0),
    ],
)  # fmt: skip
def test_exit_codes(here: Path, arguments: tuple[str, ...], code: int) -> None:
    (here / "broken.py").write_text("import openai\ndef (")
    (here / "clean.py").write_text("import openai\n")
    assert run(check, *arguments).exit_code == code


def test_a_broken_file_is_named_and_the_rest_is_linted(here: Path) -> None:
    (here / "broken.py").write_bytes(b"import openai\n\xff\xfe(")
    result = run(check)
    assert "broken.py: skipped: " in result.stdout
    assert "T301" in result.stdout


def test_a_pipe_that_is_named_is_not_waited_for(here: Path) -> None:
    os.mkfifo(here / "pipe.py")
    result = run(check, "pipe.py")
    assert "pipe.py: skipped: is no regular file" in result.stdout
    assert result.exit_code == 2
    assert run(check, "--fail-on", "never").exit_code == 0, "only what is named must be readable"


def test_tests_are_left_out_unless_asked_for(here: Path) -> None:
    (here / "tests").mkdir()
    (here / "tests/test_app.py").write_text(APP)
    assert "test_app" not in run(check).stdout
    assert "tests/test_app.py" in run(check, "--tests").stdout


def test_rules() -> None:
    assert [line.split()[0] for line in run(rules).stdout.splitlines()] == [*CODES, *OWN]
    (rule,) = json.loads(run(rules, "cap-missing", "--format", "json").stdout)["rules"]
    assert (rule["code"], rule["severity"]) == ("C201", "error")
    assert run(rules, "c201").stdout.startswith("# C201 cap-missing\n")
    assert run(rules, "nothing").exit_code == 2
    assert "did you mean `paceline rules cap-missing`?" in run(rules, "cap-mising").stderr
    assert "did you mean `paceline explain C201`?" in run(explain, "C2O1").stderr


def test_explain_knows_the_rules_too() -> None:
    assert run(explain, "C201").stdout == run(rules, "c201").stdout
    assert "Add the reason" in run(explain, "pragma-without-reason").stdout
    assert json.loads(run(explain, "L002", "--format", "json").stdout)["name"] == "pragma-expired"
    listed = {row["code"] for row in json.loads(run(explain, "--format", "json").stdout)["codes"]}
    assert {"G101", "S101", *CODES, *OWN} <= listed


def test_it_loads_nothing_heavy(here: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from paceline.cli.check import command\n"
        "assert CliRunner().invoke(command, ['app.py']).exit_code == 1\n"
        "heavy = {'pydantic', 'sqlalchemy', 'rich', 'jinja2', 'numpy', 'fastapi', 'openai', 'paceline.ledger', 'paceline.standards'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=here)


def test_what_is_not_installed_is_said_in_a_line(here: Path) -> None:
    (here / "app.ts").write_text("import OpenAI from 'openai';\n")
    code = (
        "import sys; sys.modules['tree_sitter'] = sys.modules['tree_sitter_javascript'] = None\n"
        "from paceline.cli.check import command; command(['--fail-on', 'never'])"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, cwd=here, capture_output=True, text=True).stdout
    assert "1 file was not looked at: TypeScript and JavaScript need `pip install 'paceline[lint-ts]'`\n" in shown
    assert "app.py:3:7: error T301" in shown


def _lint(data: bytes) -> None:
    check_bytes(data, "x.py", load(), Policy(), date(2026, 11, 23), Outcome())


@given(st.binary(max_size=300))
def test_no_bytes_crash_it(data: bytes) -> None:
    _lint(b"import openai # paceline: ignore[C201]\n" + data)


WORDS = st.sampled_from(
    [
        "from openai import OpenAI",
        "\n",
        "\n  ",
        "c",
        "=",
        "c",
        ".chat",
        ".completions",
        ".create",
        "(",
        ")",
        "**",
        "{",
        "}",
        "'a'",
        ":",
        "self",
        "class A",
        "def f",
        "lambda x",
        "OpenAI",
        ",",
        "k",
        "[",
        "]",
        "f'{c}'",
        "system",
        "max_tokens",
        "None",
        "if",
        "else",
        "await",
        "async ",
        "with",
        "as",
        "return",
        "*",
        "1",
        "yield",
        "del",
        "for",
        "in",
        "import",
        "->",
    ]
)


@given(st.lists(WORDS, max_size=40))
def test_no_program_crashes_it(words: list[str]) -> None:
    _lint(("from openai import OpenAI\nc = OpenAI()\n" + " ".join(words)).encode())


@pytest.mark.parametrize(
    "code",
    [
        "c = " + "(" * 5000, "c = " + "-" * 20000 + "1", "c = a" + ".b" * 20000, "c = c\nc.chat.completions.create(**c)",
        "def f(): return f()\nf().chat.completions.create()", "class A(A): pass\nA().x.chat.completions.create()",
        "class A(B): pass\nclass B(A): pass\nA().c.messages.create()", "k = {**k}\nopenai.completions.create(**k)", "\x00",
    ],
)  # fmt: skip
def test_deep_and_circular_programs(code: str) -> None:
    _lint(b"import openai\n" + code.encode())


def test_a_timeout_for_the_whole_program_counts_in_other_files(here: Path) -> None:
    (here / "call.py").write_text("import litellm\nlitellm.completion(model=M, messages=m, max_tokens=3)\n")
    assert "T302" in run(check, "call.py").stdout
    (here / "boot.py").write_text("import litellm\nlitellm.request_timeout = 30\n")
    assert "T302" not in run(check, "call.py", "boot.py").stdout
    (here / "boot.py").write_text("import litellm\nlitellm.request_timeout = None\n")
    assert "T302" in run(check, "call.py", "boot.py").stdout
