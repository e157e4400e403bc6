"""Configuration: where it is found, what it may say, and how faults are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paceline.cli.check import command
from paceline.lint import policies
from paceline.lint.findings import Policy
from paceline.lint.run import choice
from paceline.lint.select import codes
from paceline.lint.settings import KEYS, Settings, SettingsError, find

HEAD = "[tool.paceline.check]\n"
APP = "from openai import OpenAI\nc = OpenAI(timeout=3, base_url='http://localhost:4100/t/a/b/v1')\n"
CALL = "c.chat.completions.create(model='gpt-5.4')\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACELINE_STANDARDS", raising=False)
    (tmp_path / "app.py").write_text(APP + CALL)
    return tmp_path


def check(*arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_nearest_file_counts_and_of_two_the_one_that_is_ours(here: Path) -> None:
    (here / "a/b").mkdir(parents=True)
    assert find(here / "a/b").source is None
    (here / "pyproject.toml").write_text(HEAD + 'fail-on = "warning"\n')
    assert find(here / "a/b").fail_on == "warning"
    (here / "paceline-check.toml").write_text('fail-on = "info"\n')
    assert find(here / "app.py").fail_on == "info"
    (here / "a/pyproject.toml").write_text("[tool.ruff]\n")
    assert find(here / "a/b").root == here
    (here / "a/pyproject.toml").write_text(HEAD + "tests = true\n")
    assert find(here / "a/b") == Settings(root=here / "a", source=here / "a/pyproject.toml", tests=True)


FAULTS = {
    "fail_on = 'error'": ("pyproject.toml:2: there is no key `fail_on`", "did you mean `fail-on`?"),
    "nonsense = 1": ("there is no key `nonsense`", "known are: include"),
    "mode = 'enforced'": ("`mode` cannot be `enforced`", "did you mean `enforce`?"),
    "tests = 'yes'": ("neither true nor false", "without quotes"),
    "exclude = 'a'": ("`exclude` is no list of texts", '["one", "two"]'),
    "timeout-s = '3'": ("`timeout-s` is no number above 0", "without quotes"),
    "cap-tokens = 1.5": ("pyproject.toml:2: `cap-tokens` is no whole number above 0", "without quotes"),
    "baseline = 3": ("`baseline` is no text", "quotes"),
    "per-file-ignores = 3": ("`per-file-ignores` is no table", "C201"),
    "select = ['C2O1']": ("pyproject.toml:2: there is no rule `C2O1`", "did you mean `C201`?"),
    "[tool.paceline.check.per-file-ignores]\n'a/*' = ['nothing']": (
        "pyproject.toml:3: there is no rule `nothing`",
        "`paceline rules`",
    ),
    "x = ": ("pyproject.toml: ", "mend the TOML"),
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_name_the_place_and_the_fix(here: Path, text: str) -> None:
    (here / "pyproject.toml").write_text(HEAD + text + "\n")
    result = check()
    assert result.exit_code == 2
    wrong, fix = FAULTS[text]
    assert wrong in result.stderr
    assert fix in result.stderr


def test_a_file_that_is_named(here: Path) -> None:
    (here / "other.toml").write_text(HEAD + "ignore = ['ALL']\n")
    assert check("--config", "other.toml").exit_code == 0
    assert "cannot be read" in check("--config", "none.toml").stderr
    (here / "pyproject.toml").write_text("[tool.paceline]\nx = 1\n")
    assert "says nothing to paceline check" in check("--config", "pyproject.toml").stderr


def test_the_command_line_counts_over_the_file(here: Path) -> None:
    (here / "paceline-check.toml").write_text("mode = 'report'\nselect = ['C']\n")
    assert check().exit_code == 0
    assert check("--mode", "enforce").exit_code == 1
    assert check("--mode", "enforce", "--select", "timeout-none,P").exit_code == 0


def test_rules_in_some_files(here: Path) -> None:
    (here / "paceline-check.toml").write_text("select = ['C201']\n[per-file-ignores]\n'scripts/*' = ['cap-missing']\n")
    (here / "scripts").mkdir()
    (here / "scripts/a.py").write_text(APP + CALL)
    result = check()
    assert "scripts" not in result.stdout
    assert "held back: 1 by the configuration" in result.stdout


def test_codes() -> None:
    assert codes(["C201", "t303", "p"]) == {code for code in choice(Settings(Path())).active if code[0] == "P"} | {
        "C201",
        "T303",
    }
    assert codes([]) == frozenset()
    with pytest.raises(SettingsError, match="no rule ``"):
        codes([""])


def test_every_key_can_be_set(here: Path) -> None:
    lists = {"include", "exclude", "select", "ignore", "gateways", "clients", "packages", "models", "tags"}
    values = dict.fromkeys(lists, "[]") | {"tests": "true", "force-exclude": "true", "per-file-ignores": "{}"}
    values |= dict.fromkeys(("cap-tokens", "cap-tokens-max", "timeout-s", "timeout-s-max"), "30")
    values |= {"mode": "'report'", "fail-on": "'never'", "format": "'json'"}
    text = "\n".join(f"{key} = {values.get(key, repr('x'))}" for key in KEYS)
    (here / "paceline-check.toml").write_text(text)
    assert find(here).timeout_s == 30


STANDARDS = """\
models:
  small: {deployments: [openai/gpt-5.4-mini, {deployment: house/qwen}]}
  large: openai/gpt-5.4
tasks: {chat: small}
use_cases:
  chat: {class: chat, max_output_tokens: 800, deadlines: {total: 30s}}
  digest: {class: batch, max_output_tokens: 4000, deadlines: {total: 2m}}
services:
  helpdesk: {owner: support, use_cases: [chat]}
  nightly: {owner: support, use_cases: [digest]}
"""


def test_the_standards_are_the_policy(here: Path) -> None:
    (here / "paceline.yaml").write_text(STANDARDS)
    found = policies.policy(find(here / "app.py"))
    assert found.models == (
        *("small", "openai/gpt-5.4-mini", "gpt-5.4-mini", "house/qwen", "qwen", "large", "openai/gpt-5.4", "gpt-5.4"),
        *("task:chat", "auto"),
    )
    assert found.tags == ("helpdesk/chat", "nightly/digest")
    assert (found.cap_tokens, found.cap_tokens_max, found.timeout_s) == (4000, 4000, 120)


def test_a_service_narrows_it_and_the_project_has_the_last_word(here: Path) -> None:
    (here / "paceline.yaml").write_text(STANDARDS + "lint: {gateways: [gate.acme.example], clients: [src/llm/*]}\n")
    (here / "paceline-check.toml").write_text("service = 'helpdesk'\ntimeout-s = 5\nclients = ['app.py']\n")
    found = policies.policy(find(here), gateways=("other:1",))
    assert (found.tags, found.cap_tokens, found.timeout_s) == (("helpdesk/chat",), 800, 5)
    assert found.clients == ("src/llm/*", "app.py")
    assert found.gateways == (*Policy().gateways, "gate.acme.example", "other:1")
    assert "has no service 'nothing'" in check("--service", "nothing").stderr


@pytest.mark.parametrize(
    "text", ["[", "a: b: c", "\x00", "- 1", "models: 3\nuse_cases: [x]\nservices: {a: 3, b: {use_cases: 7}}"]
)
def test_standards_that_are_not_understood_do_not_crash(here: Path, text: str) -> None:
    (here / "paceline.yaml").write_text(text)
    result = check("--mode", "report")
    assert result.exit_code == 0 or "paceline validate" in result.stderr


def test_the_environment_names_the_standards_from_where_one_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "a").mkdir()
    (here / "a/paceline-check.toml").write_text("")
    monkeypatch.setenv("PACELINE_STANDARDS", "house.yaml")
    assert policies.find(find(here / "a")) == Path("house.yaml")
    (here / "a/paceline-check.toml").write_text('standards = "own.yaml"\n')
    assert policies.find(find(here / "a")) == here / "a/own.yaml"
