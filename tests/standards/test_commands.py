"""`init`, `validate` and `explain` as people and machines see them."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inline_snapshot import snapshot

from paceline.cli.explain import command as explain
from paceline.cli.init import command as init
from paceline.cli.validate import command as validate
from paceline.standards import load

from .conftest import SECRETS

WRONG = """\
version: 1
providers:
  openai: {key: sk-12345}
models:
  small: openai/gpt-5.4-mini
use_cases:
  talk: {class: caht, model: small, budget: {ttft: {p95: 3s}}}
teams:
  support:
services:
  desk: {owner: suport, use_cases: [talk]}
  idle: {use_cases: [talk]}
waivers:
  - {service: desk, reason: Launch, requester: dana, approver: lee, until: 2020-01-31}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def run(command: object, *arguments: str, text: str | None = None) -> Result:
    result = CliRunner().invoke(command, arguments, input=text)  # type: ignore[arg-type]
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_sound_file(here: Path, example: str) -> None:
    (here / "paceline.yaml").write_text(example)
    result = run(validate)
    assert result.exit_code == 0
    assert result.stdout == snapshot("""\
paceline.yaml:13:3: warning S141
  use_cases.code-complete: no service has the use case `code-complete`
  hint: Name it under the `use_cases:` of a service

paceline.yaml:14:3: warning S141
  use_cases.nightly-digest: no service has the use case `nightly-digest`
  hint: Name it under the `use_cases:` of a service

paceline.yaml: sound: 1 service, 3 use cases, 2 models, 2 warnings
""")
    assert run(validate, "--strict").exit_code == 1


def test_waivers_are_shown_the_next_to_end_on_top(here: Path, example: str) -> None:
    waivers = """waivers:
  - {service: helpdesk, model: small, reason: Later, requester: ann, approver: bob, until: 2099-02-01}
  - {service: helpdesk, rule: G204, reason: Sooner, requester: ann, approver: bob, until: 2099-01-31}
"""
    (here / "paceline.yaml").write_text(example.split("waivers:", maxsplit=1)[0] + waivers)
    done = run(validate)
    told = [line for line in done.output.splitlines() if line.startswith("waiver ")]
    assert told == [
        "waiver helpdesk · G204 until 2099-01-31: Sooner (asked by ann, approved by bob)",
        "waiver helpdesk · small until 2099-02-01: Later (asked by ann, approved by bob)",
    ]
    as_json = json.loads(run(validate, "--format", "json").output)
    assert [one["reason"] for one in as_json["waivers"]] == ["Later", "Sooner"]


def test_a_faulty_file(here: Path) -> None:
    (here / "paceline.yaml").write_text(WRONG)
    result = run(validate)
    assert result.exit_code == 1
    assert result.stdout == snapshot("""\
paceline.yaml:3:17: fault S127
  providers.openai.key: holds the secret itself, or something that is no reference
  hint: Write `env:NAME` or `file:PATH`; if a real secret stood here, replace it at its provider

paceline.yaml:7:17: fault S115
  use_cases.talk.class: there is no class 'caht'
  hint: Did you mean `chat`?

paceline.yaml:11:17: fault S114
  services.desk.owner: there is no team 'suport'
  hint: Did you mean `support`?

paceline.yaml:12:3: fault S121
  services.idle: the service `idle` has no owner
  hint: Add `owner:` with the team that answers for it: `support`

paceline.yaml:14:76: warning S142
  waivers[0].until: the waiver ended on 2020-01-31
  hint: Remove it, or have it approved again with a new end

paceline.yaml: 4 faults, 1 warning
`paceline explain S127` says more.
""")


def test_faults_as_json(here: Path) -> None:
    (here / "paceline.yaml").write_text(WRONG)
    result = run(validate, "--format", "json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["file"], document["sound"], len(document["found"])) == ("paceline.yaml", False, 5)
    assert document["found"][0] == snapshot(
        {
            "code": "S127",
            "severity": "fault",
            "path": "providers.openai.key",
            "line": 3,
            "column": 17,
            "variable": None,
            "message": "holds the secret itself, or something that is no reference",
            "hint": "Write `env:NAME` or `file:PATH`; if a real secret stood here, replace it at its provider",
        }
    )


def test_faults_for_github(here: Path) -> None:
    (here / "paceline.yaml").write_text(WRONG)
    result = run(validate, "--format", "github")
    assert result.exit_code == 1
    assert result.stdout == snapshot("""\
::error file=paceline.yaml,line=3,col=17,title=S127::providers.openai.key: holds the secret itself, or something that is no reference%0AWrite `env:NAME` or `file:PATH`; if a real secret stood here, replace it at its provider
::error file=paceline.yaml,line=7,col=17,title=S115::use_cases.talk.class: there is no class 'caht'%0ADid you mean `chat`?
::error file=paceline.yaml,line=11,col=17,title=S114::services.desk.owner: there is no team 'suport'%0ADid you mean `support`?
::error file=paceline.yaml,line=12,col=3,title=S121::services.idle: the service `idle` has no owner%0AAdd `owner:` with the team that answers for it: `support`
::warning file=paceline.yaml,line=14,col=76,title=S142::waivers[0].until: the waiver ended on 2020-01-31%0ARemove it, or have it approved again with a new end
""")  # noqa: E501  # one line a finding is the form


def test_a_fault_of_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    (here / "paceline.yaml").write_text(example)
    monkeypatch.setenv("PACELINE_GATEWAY__BODY_BYTES_MAX", "lots")
    result = run(validate)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-8:] == snapshot(
        [
            "  hint: Name it under the `use_cases:` of a service",
            "",
            "PACELINE_GATEWAY__BODY_BYTES_MAX: fault S106",
            "  gateway.body_bytes_max: 'lots' is not a size",
            "  hint: Write `32MiB`, `64KiB`, or a plain number of bytes",
            "",
            "paceline.yaml: 1 fault, 2 warnings",
            "`paceline explain S106` says more.",
        ]
    )


@pytest.mark.usefixtures("here")
def test_standard_input(example: str) -> None:
    result = run(validate, "-", "--format", "json", text=example)
    assert (result.exit_code, json.loads(result.stdout)["file"]) == (0, "<stdin>")


@pytest.mark.parametrize("name", ["nothing.yaml", ".", "latin.yaml"])
def test_what_cannot_be_read(here: Path, name: str) -> None:
    (here / "latin.yaml").write_bytes("organisation: Müller\n".encode("latin-1"))
    result = run(validate, name)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "\n  fix: " in result.stderr


def test_init_writes_what_validate_finds_sound(here: Path) -> None:
    result = run(init)
    assert result.exit_code == 0
    assert result.stdout == snapshot("""\
wrote paceline.yaml
wrote .env.example
Next: put your providers, models and services in, then `paceline validate`.
""")
    assert run(validate, "--strict").exit_code == 0
    assert load(here / "paceline.yaml", env=SECRETS).plan().document["services"]
    assert stat.S_ISREG((here / ".env.example").stat().st_mode)


def test_init_makes_the_directory(here: Path) -> None:
    result = run(init, "deep/er place")
    assert result.exit_code == 0
    assert "paceline validate 'deep/er place/paceline.yaml'" in result.stdout
    assert (here / "deep/er place/paceline.yaml").is_file()


@pytest.mark.parametrize("name", ["paceline.yaml", ".env.example"])
def test_init_overwrites_only_when_told_to(here: Path, name: str) -> None:
    (here / name).write_text("mine")
    result = run(init)
    assert result.exit_code == 2
    assert name in result.stderr
    assert "--force" in result.stderr
    assert [path.name for path in here.iterdir()] == [name]
    assert (here / name).read_text() == "mine"
    assert run(init, "--force").exit_code == 0
    assert (here / name).read_text() != "mine"


def test_init_says_why_it_cannot_write(here: Path) -> None:
    (here / "file").write_text("")
    result = run(init, "file/within")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_explain_prints_a_page() -> None:
    result = run(explain, "g204")
    assert result.exit_code == 0
    assert result.stdout == snapshot("""\
# G204 model_off_standard

HTTP 403. At fault: the standards. Retrying does not help.

## What happened

The request asks for a model that the standards do not allow this use case, and the service is in mode `enforce`.

## Why

Each use case has a right-sized default model and, where needed, further ones. A larger model is slower and dearer, so
it is an exception with an approver and an end. In `warn` the request passes, and the record shows what the default
would have cost.

## What to do

Ask for the use case's model, for its task (`task:NAME`) or for `auto`. If the larger model is needed, ask the
platform team to add it to the use case's `models:` or to grant a waiver.

## Example

```yaml
use_cases:
  support-chat: {class: chat, task: chat, models: [large]}
```
""")


def test_explain_as_json() -> None:
    document = json.loads(run(explain, "S121", "--format", "json").stdout)
    assert document["name"] == "owner_missing"
    assert document["what_to_do"] == snapshot("Add `owner:` with a name under `teams:`.")


def test_explain_lists_all_codes() -> None:
    lines = run(explain).stdout.splitlines()
    assert lines[0].split()[:2] == ["G101", "key_missing"]
    rows = json.loads(run(explain, "--format", "json").stdout)["codes"]
    assert [row["code"] for row in rows] == [line.split()[0] for line in lines]


def test_explain_does_not_know_everything() -> None:
    result = run(explain, "G1O1")
    assert result.exit_code == 2
    assert result.stderr == snapshot("""\
error: there is no code 'G1O1'.
  fix: did you mean `paceline explain G101`?
""")


@pytest.mark.parametrize("command", ["init", "validate", "explain"])
def test_help_has_an_example_and_loads_nothing_heavy(command: str) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from paceline.cli import " + command + "\n"
        f"print(CliRunner().invoke({command}.command, ['--help']).output)\n"
        "assert not {'pydantic', 'yaml', 'rich', 'genai_prices'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Example: paceline " in done.stdout


def test_the_package_imports_nothing_heavy() -> None:
    code = "import sys, paceline.standards, paceline.codes; assert not {'pydantic', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
