"""`paceline import litellm` and `portkey` as their users meet them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paceline.cli.importing import command
from paceline.cli.validate import command as validate

CONFIG = """\
model_list:
  - {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o, api_key: sk-literal, temperature: 0}}
  - {model_name: gpt-4, litellm_params: {model: openai/gpt-4, temperature: 1}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path / "config.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_standards_go_to_standard_output_and_the_list_to_standard_error(config: Path) -> None:
    done = run("litellm", str(config))
    assert done.exit_code == 0
    assert done.stdout.startswith("# Made by `paceline import litellm`")
    assert CliRunner().invoke(validate, ["-"], input=done.stdout).exit_code == 0
    assert "to do: model_list[0].litellm_params.api_key: the key itself stands in the file" in done.stderr
    assert "left out: model_list[0].litellm_params.temperature, model_list[" in done.stderr
    assert "sk-literal" not in done.output


def test_the_source_is_never_written_over(config: Path) -> None:
    done = run("litellm", str(config), "-o", str(config), "--overwrite")
    assert (done.exit_code, config.read_text()) == (2, CONFIG)
    assert "is what is read" in done.stderr


def test_a_file_is_written_once(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "paceline.yaml"
    done = run("litellm", str(config), "-o", str(target))
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"`paceline validate {target}`" in done.stderr
    written = target.read_text()
    assert run("litellm", str(config)).stdout == written
    again = run("litellm", str(config), "-o", str(target))
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    config.write_text(CONFIG.replace("gpt-4o", "gpt-5"))
    assert run("litellm", str(config), "-o", str(target), "--overwrite").exit_code == 0
    assert target.read_text() != written
    assert "cannot be written" in run("litellm", str(config), "-o", str(tmp_path / "no" / "file")).stderr


def test_json_has_standards_and_findings(config: Path) -> None:
    document = json.loads(run("litellm", str(config), "--format", "json").stdout)
    assert document["source"] == str(config)
    assert list(document["standards"]["models"]) == ["gpt-4o", "gpt-4"]
    assert {each["path"] for each in document["findings"] if each["kind"] == "left out"} == {
        "model_list[0].litellm_params.temperature",
        "model_list[1].litellm_params.temperature",
    }
    assert all(each.keys() == {"kind", "path", "why", "instead"} for each in document["findings"])


def test_portkey_asks_for_what_callers_say(tmp_path: Path) -> None:
    file = tmp_path / "retry.json"
    file.write_text('{"retry": {"attempts": 3}}')
    done = run("portkey", str(file))
    assert done.exit_code == 2
    assert "--default openai/gpt-5.4-mini" in done.stderr
    assert run("portkey", str(file), "--default", "openai/gpt-5.4-mini").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("portkey", "FILE", "--default", "gpt-4"), "is not PROVIDER/MODEL"),
        (("portkey", "FILE", "--virtual-key", "prod"), "is not written as NAME=VENDOR"),
        (("portkey", "FILE"), "line 1 is not JSON"),
        (("litellm", "FILE"), "has no `model_list`"),
        (("litellm", "nowhere.yaml"), "does not exist"),
    ],
)
def test_bad_input_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "file").write_text("x: 1\n")
    done = run(*(str(tmp_path / "file") if each == "FILE" else each for each in arguments))
    assert done.exit_code == 2
    assert said in done.stderr
