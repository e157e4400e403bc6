"""`paceline doctor` on installations with one thing wrong each."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from paceline.cli.doctor import command

STANDARDS = """\
version: 1
organisation: Test
providers: {openai: {dialect: openai, key: env:TEST_DOCTOR_KEY}}
models: {small: {deployments: [openai/gpt-5.4-mini]}}
tasks: {chat: small}
use_cases: {support-chat: {class: chat, task: chat}}
teams: {support: {}}
services: {helpdesk: {owner: support, use_cases: [support-chat]}}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEST_DOCTOR_KEY", "sk-secret")
    (tmp_path / "paceline.yaml").write_text(STANDARDS)
    return tmp_path


def found(*, exit_code: int) -> dict[str, tuple[str, str, str]]:
    done = CliRunner().invoke(command, ["--format", "json"])
    assert done.exit_code == exit_code, done.output
    assert "sk-secret" not in done.output
    return {one["name"]: (one["state"], one["seen"], one["fix"]) for one in json.loads(done.output)["checks"]}


def test_a_sound_installation_with_nothing_running_is_fine() -> None:
    checks = found(exit_code=0)
    assert checks["standards file"] == ("ok", "paceline.yaml, 1 service", "")
    assert checks["key of openai"] == ("ok", "from env TEST_DOCTOR_KEY", "")
    assert checks["native module"][0] == "ok"
    assert checks["data directory"][0] == "note"


def test_a_missing_standards_file(home: Path) -> None:
    (home / "paceline.yaml").unlink()
    state, seen, fix = found(exit_code=1)["standards file"]
    assert (state, seen, fix) == ("wrong", "paceline.yaml is missing", "`paceline init` writes one")


def test_faults_in_the_standards_file(home: Path) -> None:
    (home / "paceline.yaml").write_text(STANDARDS.replace("owner: support", "owner: suport"))
    assert found(exit_code=1)["standards file"][1:] == ("1 fault", "`paceline validate paceline.yaml` shows them")


def test_a_provider_key_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DOCTOR_KEY")
    state, seen, fix = found(exit_code=1)["key of openai"]
    assert (state, seen) == ("wrong", "TEST_DOCTOR_KEY is not set here")
    assert fix == "set TEST_DOCTOR_KEY where the gateway starts"


def test_a_data_directory_open_to_others(home: Path) -> None:
    (home / ".paceline").mkdir(mode=0o755)
    (home / ".paceline").chmod(0o755)
    state, _, fix = found(exit_code=1)["data directory"]
    assert (state, fix) == ("wrong", f"chmod 700 {home}/.paceline")


def test_a_ledger_that_is_none(home: Path) -> None:
    (home / ".paceline").mkdir(mode=0o700)
    (home / ".paceline" / "ledger.db").write_text("this is no database")
    assert found(exit_code=1)["ledger"][0] == "wrong"


def test_a_journal_that_nobody_takes_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paceline.cli.checks.JOURNAL_BYTES_NOTED", 1000)
    (home / ".paceline").mkdir(mode=0o700)
    (home / ".paceline" / "journal").mkdir()
    (home / ".paceline" / "journal" / "segment-0000000000000001.jnl").write_bytes(b"x" * 8192)
    assert found(exit_code=1)["journal"][0] == "wrong"


def test_text_says_what_to_do_beside_what_is_wrong(home: Path) -> None:
    (home / "paceline.yaml").unlink()
    done = CliRunner().invoke(command, [])
    lines = [line.rstrip() for line in done.output.splitlines()]
    assert "wrong  standards file  paceline.yaml is missing" in lines
    assert "                       → `paceline init` writes one" in lines
    assert lines[-1].endswith("checks found something wrong.")
