"""Fixes: applied only when proven, in any number at one place, never twice; in Python and TypeScript."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from paceline.catalogue import load
from paceline.cli.check import command
from paceline.lint import fixes
from paceline.lint.findings import Finding, Fix, Policy
from paceline.lint.look import Look, look
from paceline.lint.run import Outcome, check_bytes
from paceline.lint.sites import Edit
from paceline.lint.trees import same_but

HEAD = "from openai import OpenAI\n"
BAD = HEAD + "c = OpenAI(timeout=None, max_retries=2)  # é\nc.chat.completions.create(model=M)\n"


def again(data: bytes, name: str) -> Look:
    return look(data, name, load(), Policy())


def with_fix(code: str, edit: Edit, safety: str = "safe", source: str = BAD) -> Finding:
    found = next(each for each in again(source.encode(), "app.py").findings if each.code == code)
    return replace(found, fix=Fix("Mend it", safety, (edit,)))


def at(text: str, source: str = BAD) -> int:
    return source.encode().index(text.encode())


NO_TIMEOUT = Edit(at("timeout=None, "), at("max_retries"), "")
CAP = Edit(at("model=M)") + 7, at("model=M)") + 7, ", max_completion_tokens=800")


def mend(*findings: Finding, source: str = BAD, unsafe: bool = True, counting: str = "") -> fixes.Changes:
    return fixes.mend(findings, lambda _name: source.encode(), again, unsafe, lambda _name, code: code == counting)


def test_a_fix_changes_what_it_is_to_change_and_nothing_else() -> None:
    changes = mend(with_fix("T303", NO_TIMEOUT))
    assert changes.files["app.py"][1].decode() == BAD.replace("timeout=None, ", "")
    assert [each.code for each in changes.mended] == ["T303"]
    assert "-c = OpenAI(timeout=None, max_retries=2)  # é\n+c = OpenAI(max_retries=2)  # é\n" in changes.diff()


def test_two_in_one_file() -> None:
    changes = mend(with_fix("T303", NO_TIMEOUT), with_fix("C201", CAP))
    text = changes.files["app.py"][1].decode()
    assert text == BAD.replace("timeout=None, ", "").replace("model=M", "model=M, max_completion_tokens=800")


@pytest.mark.parametrize(
    ("safety", "unsafe", "applied"),
    [("safe", False, 1), ("unsafe", False, 0), ("unsafe", True, 1), ("display", True, 0)],
)
def test_which_are_applied(safety: str, unsafe: bool, applied: int) -> None:
    assert len(mend(with_fix("T303", NO_TIMEOUT, safety), unsafe=unsafe).mended) == applied


REFUSED = {
    "does not parse": Edit(at("timeout=None"), at("timeout=None") + 7, "("),
    "changes something else": Edit(at("max_retries"), at("max_retries") + 11, "max_tries"),
    "mends nothing": Edit(at("timeout=None"), at("timeout=None"), "organization='x', "),
    "loses a site": Edit(at("c.chat"), at("c.chat") + 34, "pass"),
    "makes another error": Edit(at("None,"), at("None,") + 4, "30000"),
    "is past the end": Edit(10_000, 10_001, ""),
    "is nonsense": Edit(-1, 3, ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_proven_is_refused(name: str) -> None:
    changes = mend(with_fix("T303", REFUSED[name]))
    assert changes.files == {}
    assert [each.code for each in changes.refused] == ["T303"]
    assert "T303 not mended" in changes.left()[0]


def test_one_that_is_refused_does_not_keep_others_back() -> None:
    changes = mend(with_fix("T303", REFUSED["does not parse"]), with_fix("C201", CAP))
    assert changes.files["app.py"][1].decode() == BAD.replace("model=M", "model=M, max_completion_tokens=800")
    assert [each.code for each in changes.refused] == ["T303"]


@pytest.mark.parametrize(
    ("old", "new", "old_span", "new_span", "same"),
    [
        ("f(a, b=1)", "f(a)", (3, 8), (3, 3), True),
        ("f(a)", "f(a, b=1)", (3, 3), (3, 8), True),
        ("f(a)", "f(a, **{'b': 1})", (3, 3), (3, 15), True),
        ("x = {'a': 1}", "x = {'a': 1, 'b': 2}", (11, 11), (11, 19), True),
        ("x = 1", "x = 2", (4, 5), (4, 5), True),
        ("x = 1", "y = 1", (4, 5), (4, 5), False),
        ("f(a)", "f(a, b=1); g()", (3, 3), (3, 8), False),
        ("f(a)", "f(a, b=", (3, 3), (3, 7), False),
        ("f(a) # x", "f(a, b=1) # x", (3, 3), (3, 8), True),
    ],
)  # fmt: skip
def test_the_same_program_but_for_spans(
    old: str, new: str, old_span: tuple[int, int], new_span: tuple[int, int], same: bool
) -> None:
    assert same_but("a.py", old.encode(), [old_span], new.encode(), [new_span]) is same


def test_other_languages_are_not_touched() -> None:
    assert not same_but("a.txt", b"x", [(0, 1)], b"y", [(0, 1)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(BAD)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, ["--select", "T303", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_the_command_fixes_once(here: Path) -> None:
    """Whether a rule proposes anything is the rule's; that a second run changes nothing is ours."""
    code, shown = run("--diff", "--unsafe-fixes")
    assert (here / "app.py").read_text() == BAD, "--diff changed the file"
    assert code == (1 if shown else 0)
    run("--fix", "--unsafe-fixes")
    once = (here / "app.py").read_bytes()
    run("--fix", "--unsafe-fixes")
    assert (here / "app.py").read_bytes() == once


@pytest.mark.parametrize("last", ["timeout=None", "timeout=None, model=M"])
def test_what_touches_and_what_a_fix_brings_is_mended_in_the_same_run(last: str) -> None:
    """The cap goes where the comma was that is to be cut; without `timeout=None` it is the SDK's own 600 s."""
    source = HEAD + f"c = OpenAI()\nc.chat.completions.create(messages=m, {last})\n"
    wanted = [each for each in again(source.encode(), "app.py").findings if each.code in {"C201", "T303"}]
    changes = mend(*wanted, source=source, counting="T302")
    assert [each.code for each in changes.mended] == ["C201", "T303", "T302"]
    rest = last.removeprefix("timeout=None")
    expected = source.replace(f", {last}", f"{rest}, max_completion_tokens=1024, timeout=60")
    assert changes.files["app.py"][1].decode() == expected
    assert [each.code for each in mend(*wanted, source=source).mended] == ["C201", "T303"]
    assert [each.code for each in mend(*wanted, source=source, unsafe=False, counting="T302").mended] == ["T303"]


def test_what_was_there_before_is_not_taken_for_brought() -> None:
    source = HEAD + "c = OpenAI()\nc.chat.completions.create(model=M)\nc.chat.completions.create(timeout=None)\n"
    wanted = [each for each in again(source.encode(), "app.py").findings if each.code == "T303"]
    expected = source.replace("timeout=None", "timeout=60")
    assert mend(*wanted, source=source, counting="T302").files["app.py"][1].decode() == expected
    held = source.rstrip() + '  # paceline: ignore[T302] reason="one word"\n'
    assert [each.code for each in mend(*wanted, source=held, counting="T302").mended] == ["T303"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("aside", [("--output", "x"), ("--summary",), ("--report-to", "http://127.0.0.1:9")])
def test_a_difference_is_all_that_is_written(aside: tuple[str, ...]) -> None:
    result = CliRunner().invoke(command, ["--diff", *aside])
    assert result.exit_code == 2
    assert f"leaves {aside[0]} undone" in result.stderr


def test_a_file_that_cannot_be_written_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    changes = mend(with_fix("T303", NO_TIMEOUT))
    monkeypatch.setattr(Path, "write_bytes", full)
    assert "app.py: not mended: No space left on device" in changes.write(here)


def test_a_file_that_changed_meanwhile_is_left_alone(here: Path) -> None:
    changes = mend(with_fix("T303", NO_TIMEOUT))
    (here / "app.py").write_text("x = 1\n")
    assert "app.py: not mended: it has changed meanwhile" in changes.write(here)
    assert (here / "app.py").read_text() == "x = 1\n"


SCRIPT = """\
import OpenAI from "openai";
const c = new OpenAI({ timeout: 3000 });
// paceline: ignore[C201] reason="one word"
await c.chat.completions.create({ model: M, messages: m });
await c.chat.completions.create({ model: M, messages: m }); /* paceline: ignore[C201] reason="one word" */
const url = "// paceline: ignore[C201]";
await c.chat.completions.create({ model: M, messages: m });
"""


def test_pragmas_of_scripts_are_real_comments() -> None:
    outcome = Outcome()
    check_bytes(SCRIPT.encode(), "app.ts", load(), Policy(), date(2026, 11, 23), outcome)
    caps = [(each.line, each.held_by) for each in sorted(outcome.findings) if each.code == "C201"]
    assert caps == [(4, "pragma"), (5, "pragma"), (7, None)]
    assert not [each for each in outcome.findings if each.code.startswith("L")]


PRAGMA = '// paceline: ignore[C201] reason="one word"'
ASK = "c.responses.create({ input: m })"


@pytest.mark.parametrize(
    ("code", "held"),
    [
        (f"{PRAGMA}\nconst r = await retry(\n  () => {ASK},\n);\n", True),
        (f"const r = await retry(() =>\n  {ASK},\n); {PRAGMA}\n", True),
        (f"const r = await retry( {PRAGMA}\n  () => {ASK},\n);\n", True),
        (f"{PRAGMA}\n// why\n\nconst r = retry(\n{ASK});\n", True),
        (f"{PRAGMA}\nclass A {{\n  f = {ASK};\n}}\n", False),
        (f"{PRAGMA}\napp.get('/', async () => {{\n  await {ASK};\n}});\n", False),
        (f"app.get('/', async () => {{\n  {PRAGMA}\n  return retry(\n    {ASK});\n}});\n", True),
        (f"f([\n  {PRAGMA}\n  {ASK},\n]);\n", True),
        (f"f([\n  {PRAGMA}\n  1,\n  {ASK},\n]);\n", False),
        (f"switch (x) {{\n  case 1:\n    {PRAGMA}\n    y = retry(\n      {ASK});\n}}\n", True),
    ],
)
def test_pragmas_of_scripts_cover_a_statement_but_not_those_inside_of_it(code: str, held: bool) -> None:
    outcome = Outcome()
    head = "import OpenAI from 'openai';\nconst c = new OpenAI({ timeout: 3000 });\n"
    check_bytes((head + code).encode(), "app.ts", load(), Policy(), date(2026, 11, 23), outcome)
    assert [each.held_by for each in outcome.findings if each.code == "C201"] == ["pragma" if held else None]
    assert ("L003" in {each.code for each in outcome.findings}) is not held


@pytest.mark.parametrize(
    ("old", "new", "same"),  # None: the same but for the span, within which something is wrong
    [
        ("f({ a: 1 })", "f({ a: 1, b: 2 })", True),
        ("f()", "f({ b: 2 })", True),
        ("f({ a: 1 }); // x", "f({ a: 1, b: 2 }); // x", True),
        ("f({ a: 1 })", "g({ a: 1 })", False),
        ("f({ a: 1 })", "f({ a: 1, b: ", False),
        ("f({ a: 1 })", "f({ a: 1, b: = })", None),
    ],
)
def test_scripts_are_compared_by_their_trees(old: str, new: str, same: bool | None) -> None:
    start = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
    tail = 0
    while tail < min(len(old), len(new)) - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    spans = [(start, len(old) - tail)], [(start, len(new) - tail)]
    if same is False:
        spans = [(0, 0)], [(0, 0)]
    assert same_but("a.ts", old.encode(), spans[0], new.encode(), spans[1]) is bool(same)


POLICY = Policy(gateways=(*Policy().gateways, "llm.acme.example"), tags=("helpdesk/chat",))


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [
        ("a.py", "from openai import OpenAI\nc = OpenAI()\n", 'OpenAI(base_url="https://llm.acme.example/t/helpdesk/chat/v1")'),
        ("a.py", "from anthropic import Anthropic\nc = Anthropic(timeout=3, base_url='https://api.anthropic.com')\n",
         'Anthropic(timeout=3, base_url="https://llm.acme.example/t/helpdesk/chat")'),
        ("a.ts", "import OpenAI from 'openai';\nconst c = new OpenAI({ timeout: 3000 });\n",
         'OpenAI({ timeout: 3000, baseURL: "https://llm.acme.example/t/helpdesk/chat/v1" })'),
        ("a.ts", "import OpenAI from 'openai';\nconst c = new OpenAI();\n",
         'OpenAI({ baseURL: "https://llm.acme.example/t/helpdesk/chat/v1" })'),
    ],
)  # fmt: skip
def test_a_client_is_led_to_the_gateway(path: str, code: str, expected: str) -> None:
    def seen(data: bytes, name: str) -> Look:
        return look(data, name, load(), POLICY)

    found = [each for each in seen(code.encode(), path).findings if each.code == "B101"]
    changed = fixes.mend(found, lambda _name: code.encode(), seen, unsafe=True)
    assert expected in changed.files[path][1].decode()
    assert not [
        each for each in look(code.encode(), path, load(), Policy()).findings if each.code == "B101" and each.fix
    ]
