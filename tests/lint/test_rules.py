"""Every rule's own examples, its page, and what it must leave alone."""

# ruff: noqa: E501  # one row a case

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from paceline.catalogue import load
from paceline.lint.findings import Finding, Policy, Rule
from paceline.lint.generate import pages
from paceline.lint.rules import CODES, OWN, all_rules
from paceline.lint.run import Outcome, check_bytes

DAY = date(2026, 11, 23)
ROOT = Path(__file__).parents[2]
HEAD = "from openai import OpenAI\nclient = OpenAI(timeout=3, base_url='http://localhost:4100/t/a/b/v1', default_headers=h)\n"


def lint(code: str, policy: Policy | None = None, name: str = "app.py") -> list[Finding]:
    outcome = Outcome()
    check_bytes(code.encode(), name, load(), policy or Policy(), DAY, outcome)
    assert not outcome.unread
    return sorted(outcome.findings)


def codes(code: str, policy: Policy | None = None, name: str = "app.py") -> list[str]:
    return [finding.code for finding in lint(code, policy, name)]


@pytest.mark.parametrize("rule", all_rules(), ids=CODES)
def test_the_bad_example_fires_and_the_good_one_does_not(rule: Rule) -> None:
    policy = Policy(packages=("paceline",))
    assert rule.code in codes(rule.bad, policy, rule.shown_as)
    assert rule.code not in codes(rule.good, policy, rule.shown_as)


IN_TYPESCRIPT = [rule for rule in all_rules() if rule.typescript[0]]


@pytest.mark.parametrize("rule", IN_TYPESCRIPT, ids=[rule.code for rule in IN_TYPESCRIPT])
def test_so_do_the_examples_in_typescript(rule: Rule) -> None:
    bad, good = rule.typescript
    assert rule.code in codes(bad, name="app.ts")
    assert rule.code not in codes(good, name="app.ts")


def test_pages_are_in_step_with_the_rules() -> None:
    written = {path.name: path.read_text() for path in (ROOT / "docs/rules").iterdir()}
    assert written == pages(), "run `python -m paceline.lint.generate`"
    files = {path.stem.upper() for path in (ROOT / "src/paceline/lint/rules").glob("[a-z]*.py")}
    assert files == set(CODES)
    assert not files & set(OWN)


def test_a_sound_call_has_no_finding() -> None:
    assert codes(HEAD + "client.chat.completions.create(model=M, messages=m, max_tokens=3)") == []


def test_only_facts_decided_no_are_errors() -> None:
    assert codes(HEAD + "client.chat.completions.create(**elsewhere())") == []
    assert codes("def f(client, **k): client.chat.completions.create(**k)") == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("'https://api.openai.com/v1'", ["error B101"]),
        ("'https://llm.internal/v1'", ["warning B103"]),
        ("'http://localhost:4100/v1'", []),
        ("'https://gate.example/t/a/b/v1'", []),
        ("settings.url", []),
    ],
)
def test_where_a_client_goes(address: str, expected: list[str]) -> None:
    found = lint(f"from openai import OpenAI\nc = OpenAI(base_url={address})")
    assert [f"{finding.severity} {finding.code}" for finding in found] == expected


def test_clients_may_be_made_in_named_files() -> None:
    code = "from openai import OpenAI\nc = OpenAI()"
    assert [each.code for each in lint(code)] == ["B101"]
    assert lint(code, Policy(clients=("app.*",))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('f"You are it. {datetime.now()}"', "P501"),
        ('f"{uuid.uuid4()} x"', "P501"),
        ('"It is " + str(datetime.now()) + "."', "P501"),
        ('f"{datetime.now():%Y-%m-%d}"', "P502"),
        ("f\"{datetime.now().strftime('%d %B')}\"", "P502"),
        ("f\"{datetime.now().strftime('%H:%M')}\"", "P501"),
        ('f"{date.today()} x"', "P502"),
        ('f"{"x" * 3} {who}"', None),
        ('f"{now} x"', "P501"),
    ],
)
def test_prompts(text: str, expected: str | None) -> None:
    head = "import uuid\nfrom datetime import date, datetime\n"
    inside = f"def f(who):\n  now = datetime.now()\n  system_prompt = {text.replace(chr(34) + 'x' + chr(34), chr(39) + 'x' + chr(39))}\n"
    assert codes(head + inside) == ([expected] if expected else [])
    assert (
        codes(
            head
            + "now = datetime.now()\nwho = 1\n"
            + f"SYSTEM_PROMPT = {text.replace(chr(34) + 'x' + chr(34), chr(39) + 'x' + chr(39))}\n"
        )
        == []
    )


PRAGMA = HEAD + "client.chat.completions.create(model=M, messages=m)  # paceline: ignore[C201]{}\n"


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (' reason="short answers"', []),
        (' reason="short answers" until=2027-01-31', []),
        (' reason="short answers" until=2026-01-31', ["C201", "L002"]),
        (' reason="short answers" until=soon', ["C201", "L002"]),
        ("", ["C201", "L001"]),
        (' reason=" "', ["C201", "L001"]),
    ],
)
def test_pragmas(rest: str, expected: list[str]) -> None:
    found = lint(PRAGMA.format(rest))
    assert [each.code for each in found if each.suppressed is None] == expected
    assert [each.suppressed for each in found if each.suppressed] == ([] if expected else ["short answers"])


def test_a_pragma_above_and_one_for_nothing() -> None:
    above = HEAD + '# paceline: ignore[C201] reason="x"\nclient.chat.completions.create(model=M, messages=m)\n'
    assert [each.suppressed for each in lint(above)] == ["x"]
    assert codes('# paceline: ignore[C201] reason="x"\n') == ["L003"]
    assert "there is no rule C999" in lint('# paceline: ignore[C999] reason="x"\n')[0].message
    assert codes("x = '# paceline: ignore[C201]'\n") == []


@pytest.mark.parametrize(
    ("address", "tagged"),
    [
        ("'http://gate/t/helpdesk/chat/v1'", True),
        ("'http://gate/v1'", False),
        ("settings.url", True),
        ("f'{gate}/t/a/b/v1'", True),
    ],
)
def test_a_tag_may_be_in_the_address(address: str, tagged: bool) -> None:
    code = f"from openai import OpenAI\nc = OpenAI(base_url={address})\nc.responses.create(model=M, input=i)"
    assert ("I601" in codes(code)) is not tagged
    written = address if address[0] != "f" else address[1:].replace("'", "`").replace("{", "${")
    script = f"import OpenAI from 'openai';\nconst c = new OpenAI({{ baseURL: {written} }});\n"
    data = (script + "await c.responses.create({ model: M, input: i });").encode()
    outcome = Outcome()
    check_bytes(data, "a.ts", load(), Policy(), DAY, outcome)
    assert ("I601" in {each.code for each in outcome.findings}) is not tagged
