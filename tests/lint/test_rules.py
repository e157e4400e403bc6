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
    assert lint(code, Policy(clients=("**/app.py",))) == []
    assert lint(code, Policy(clients=("*/app.py",)))


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


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("'http://gate/t/helpdesk/chat/v1'", True),
        ("'http://gate/t/helpdesk/nonsense/v1'", False),
        ("'http://gate/t/helpdesk'", False),
        ("f'http://gate/t/helpdesk/{case}/v1'", True),
        ("settings.url", True),
    ],
)
def test_a_tag_in_the_address_is_one_that_the_standards_have(address: str, known: bool) -> None:
    python = f"from openai import OpenAI\nc = OpenAI(base_url={address})\nc.responses.create(model=M, input=i)"
    written = address if address[0] != "f" else address[1:].replace("'", "`").replace("{", "${")
    script = f"import OpenAI from 'openai';\nconst c = new OpenAI({{ baseURL: {written} }});\n"
    for code, name in ((python, "a.py"), (f"{script}await c.responses.create({{ model: M, input: i }});", "a.ts")):
        outcome = Outcome()
        check_bytes(code.encode(), name, load(), Policy(tags=("helpdesk/chat",)), DAY, outcome)
        said = [each.message for each in outcome.findings if each.code == "I601"]
        assert (said == []) is known, said
        assert all("the standards have no use case `helpdesk" in each for each in said)


CALL = "client.chat.completions.create(model=M, messages=m, max_tokens=3{})"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import requests\nrequests.post('https://api.openai.com/v1/chat/completions', json=b)", ["error B102"]),
        (
            "import httpx\nBASE = 'https://api.anthropic.com'\nhttpx.Client().post(f'{BASE}/v1/messages', json=b)",
            ["error B102"],
        ),
        (
            "import httpx\nclass A:\n  url = 'https://x.openai.azure.com/'\n  def f(self): httpx.post(self.url + 'chat')",
            ["error B102"],
        ),
        ("import requests\nrequests.post('/v1/chat/completions', json=b)", []),
        ("import requests\nrequests.get('https://api.openai.com/v1/models')", []),
        ("import requests\nrequests.post('https://api.openai.com/v1/files', data=b)", []),
        ("import requests\nrequests.post('https://example.com/?api.openai.com', json=b)", []),
        ("import requests\nrequests.post('https://api.openai.com.evil.example/v1', json=b)", []),
        ("log('see https://api.openai.com/v1')", []),
    ],
)
def test_raw_requests(code: str, expected: list[str]) -> None:
    assert [f"{finding.severity} {finding.code}" for finding in lint(code)] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (CALL.format(", stream=True"), ["C205"]),
        (CALL.format(", stream=False"), []),
        (CALL.format(", stream=s"), []),
        (CALL.format(", stream=True, stream_options=o"), []),
        (CALL.format("").replace("=3", "=64000"), ["C202"]),
        (CALL.format("").replace("M,", "'gpt-5-pro',"), ["M401", "M402"]),
        (CALL.format("").replace("M,", "'task:chat',"), []),
        (CALL.format(", timeout=30000"), ["T304"]),
        (CALL.format(", timeout=None"), ["T303"]),
        ("@app.post('/')\ndef f(): return " + CALL.format(""), ["C204"]),
        ("@app.post('/')\ndef f(): return " + CALL.format(", stream=True, stream_options=o"), []),
        ("@retry()\ndef f(): return " + CALL.format(""), ["T305"]),
        (
            "@retry()\ndef f(): return client.with_options(max_retries=0).chat.completions.create(messages=m, model=M, max_tokens=3)",
            [],
        ),
    ],
)
def test_calls(code: str, expected: list[str]) -> None:
    assert codes(HEAD + code) == expected


def test_a_key_in_the_code_is_named_and_not_shown() -> None:
    key = "sk-" + "a1" * 20
    (finding,) = lint(f"from openai import OpenAI\nc = OpenAI(api_key='{key}', base_url='http://localhost:4100/v1')")
    assert (finding.code, finding.severity) == ("B103", "error")
    assert key not in repr(finding)
    assert lint("from openai import OpenAI\nc = OpenAI(api_key='sk-...', base_url='http://localhost:4100/v1')") == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "from langchain_anthropic import ChatAnthropic\nChatAnthropic(model='claude-opus-5', timeout=3, base_url=u)",
            ["M402", "C202"],
        ),
        (
            "from langchain_anthropic import ChatAnthropic\nChatAnthropic(model='claude-3-5-sonnet-latest', timeout=3, base_url=u)",
            [],
        ),
        ("from langchain_anthropic import ChatAnthropic\nChatAnthropic(model=M, timeout=3, base_url=u)", []),
        ("from llama_index.llms.anthropic import Anthropic\nAnthropic(model=M, timeout=3, base_url=u)", []),
    ],
)
def test_caps_that_frameworks_send_by_themselves(code: str, expected: list[str]) -> None:
    assert sorted(set(codes(code)) - {"M401"}) == sorted(expected)


def test_variables_are_those_of_the_provider() -> None:
    code = "from langchain_anthropic import ChatAnthropic\nChatAnthropic(timeout=3, max_tokens=3)"
    (finding,) = lint(code)
    assert "ANTHROPIC_BASE_URL" in finding.message
    assert lint("from langchain_mistralai import ChatMistralAI\nChatMistralAI(timeout=3, max_tokens=3)") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('f"Tools: {set(t)}"', ["P503"]),
        ('f"Tools: {sorted(set(t))}"', []),
        ('f"Tools: {json.dumps(list({x for x in t}))}"', ["P503"]),
        ('f"Files: {os.listdir(d)}"', ["P503"]),
        ('f"You serve {user_id}."', ["P501"]),
        ('"Now: {now}".format(now=datetime.now())', ["P501"]),
        ('"\\n".join([RULES, str(datetime.now())])', ["P501"]),
    ],
)
def test_more_prompts(text: str, expected: list[str]) -> None:
    head = "import json, os\nfrom datetime import datetime\nRULES = 'Be brief.'\n"
    assert codes(f"{head}def f(t, d, user_id):\n  system_prompt = {text}\n  return system_prompt\n") == expected
    assert codes(f"{head}t = d = user_id = 1\nSYSTEM_PROMPT = {text}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        'def system_prompt(self): return dedent(f"It is {datetime.now()}. Be brief.")',
        'def get_instructions(): return f"It is {datetime.now()}. Be brief.".strip()',
        'def f(): return SystemMessage(content=f"It is {datetime.now()}. Be brief.")',
        'def f():\n  now = datetime.now().isoformat()\n  return Agent(instructions=f"It is {now}.")',
    ],
)
def test_texts_that_are_returned_or_handed_on(text: str) -> None:
    assert codes("from datetime import datetime\nfrom textwrap import dedent\n" + text) == ["P501"]


def test_what_is_made_once_is_no_prompt_of_each_call() -> None:
    code = (
        "from datetime import datetime\ndef build():\n  system_prompt = f'{datetime.now()}'\n  return system_prompt\n"
    )
    assert codes(code) == ["P501"]
    assert codes(code + "PROMPT = build()\n") == []


MESSAGES = "from anthropic import Anthropic\nc = Anthropic(timeout=3, base_url='http://localhost:4100/t/a/b')\nR = {}\n" \
    "c.messages.create(model=M, max_tokens=3, system=R, messages=m{})\n"  # fmt: skip


@pytest.mark.parametrize(
    ("system", "more", "expected"),
    [
        ("'x' * 9000", "", ["P504"]),
        ("'x' * 9000", ", cache_control=c", []),
        ("'x' * 9000", ", **more", []),
        ("'x' * 300", "", []),
        ("[{'type': 'text', 'text': 'x' * 300, 'cache_control': {'type': 'ephemeral'}}]", "", ["P505"]),
        ("[{'type': 'text', 'text': 'x' * 300, 'cache_control': {'type': 'ephemeral'}}]", ", tools=t", []),
        ("[{'type': 'text', 'text': handbook(), 'cache_control': {'type': 'ephemeral'}}]", "", []),
    ],
)
def test_cache_markers(system: str, more: str, expected: list[str]) -> None:
    assert codes(MESSAGES.format(system, more)) == expected


@pytest.mark.parametrize(
    ("packages", "expected"), [((), []), (("openai",), []), (("openai", "lite*"), []), (("click",), ["B104"])]
)
def test_packages(packages: tuple[str, ...], expected: list[str]) -> None:
    assert codes("openai==2\n", Policy(packages=packages), "requirements.txt") == expected


def test_models_of_the_standards() -> None:
    code = HEAD + CALL.format("").replace("M,", "'gpt-5-pro',")
    assert [(each.code, each.severity) for each in lint(code, Policy(models=("gpt-5-pro",)))] == [("M401", "info")]
    assert ("M401", "warning") in [(each.code, each.severity) for each in lint(code, Policy(models=("small",)))]


@pytest.mark.parametrize(
    ("call", "code", "expected"),
    [
        ("create(model=M)", "C201", "create(model=M, max_completion_tokens=1024)"),
        ("create(\n    model=M,\n    messages=m,\n)", "C201", "create(\n    model=M,\n    messages=m,\n    max_completion_tokens=1024,\n)"),
        ("create(model=(M))", "C201", "create(model=(M), max_completion_tokens=1024)"),
        ("create(model=M, max_tokens=None)", "C201", "create(model=M, max_tokens=1024)"),
        ("create(max_tokens=3, timeout=None)", "T303", "create(max_tokens=3)"),
        ("create(timeout=None, max_tokens=3)", "T303", "create(max_tokens=3)"),
        ("create(model='ä', stream=True, max_tokens=3)", "C205",
         "create(model='ä', stream=True, max_tokens=3, stream_options={\"include_usage\": True})"),
    ],
)  # fmt: skip
def test_edits(call: str, code: str, expected: str) -> None:
    before = f"{HEAD}client.chat.completions.{call}\n"
    (finding,) = [each for each in lint(before) if each.code == code]
    assert finding.fix is not None
    (edit,) = finding.fix.edits
    data = before.encode()
    after = (data[: edit.start] + edit.text.encode() + data[edit.end :]).decode()
    assert after == f"{HEAD}client.chat.completions.{expected}\n"
    assert code not in codes(after)


def test_servers_that_speak_the_dialect_get_the_older_name() -> None:
    code = "from openai import OpenAI\nc = OpenAI(base_url='https://api.groq.com/openai/v1')\nc.chat.completions.create(model=M)"
    (finding,) = [each for each in lint(code) if each.code == "C201"]
    assert finding.fix is not None
    assert finding.fix.edits[0].text == ", max_tokens=1024"


def test_models_of_langchain_that_bound_the_wait_are_not_said_to_wait_for_ever() -> None:
    assert "T301" in codes("from langchain_openai import ChatOpenAI\nChatOpenAI(max_tokens=3)")
    assert "T301" not in codes("from langchain_mistralai import ChatMistralAI\nChatMistralAI(max_tokens=3)")
