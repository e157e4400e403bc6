"""`paceline keys`, on a real ledger with nothing running."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from paceline.cli.keys import command
from paceline.gateway.admin import is_admin_key
from paceline.ledger import open_ledger

STANDARDS = """\
version: 1
organisation: Test
providers: {house: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}}
models: {small: {deployments: [house/m]}}
tasks: {chat: small}
use_cases: {support-chat: {class: chat, task: chat}}
teams: {support: {}}
services: {helpdesk: {owner: support, use_cases: [support-chat]}}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paceline.yaml").write_text(STANDARDS)
    return tmp_path


def keys(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def created(*arguments: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(keys("create", *arguments, "--format", "json").stdout)
    return made


def test_a_key_is_shown_once_and_listed_without_its_text(home: Path) -> None:
    made = created("--service", "helpdesk", "--use-case", "support-chat", "--name", "ci")
    assert made["service"] == "helpdesk"
    assert made["key"].startswith("pk-")
    listed = keys("list", "--format", "json").stdout
    assert made["key"] not in listed
    (only,) = json.loads(listed)["keys"]
    assert (only["id"], only["use_case"], only["name"], only["revoked_at"]) == (made["id"], "support-chat", "ci", None)
    assert made["key"].encode() not in (home / ".paceline" / "ledger.db").read_bytes()


def test_text_prints_the_key_alone_on_standard_output() -> None:
    done = keys("create", "--service", "helpdesk")
    assert done.stdout.strip().startswith("pk-")
    assert len(done.stdout.split()) == 1
    assert "It is not shown again" in done.stderr


def test_the_list_is_a_plain_table_when_piped() -> None:
    assert keys("list").output == "There are no keys. `paceline keys create --service NAME` makes one.\n"
    made = created("--service", "helpdesk", "--any-service")
    head, row = keys("list").output.splitlines()
    assert head.split() == ["Id", "Service", "Use", "case", "Made", "Revoked", "Limits", "Name"]
    assert row.split()[:2] == [made["id"], "any"]
    assert "\x1b" not in row


def test_a_revoked_key_stays_listed_and_cannot_be_revoked_twice() -> None:
    made = created("--service", "helpdesk")
    assert keys("revoke", made["id"]).output == f"revoked {made['id']}\n"
    again = keys("revoke", made["id"])
    assert again.exit_code == 1
    assert again.stderr.splitlines()[0] == f"error: there is no key '{made['id']}' in use."
    assert json.loads(keys("list", "--format", "json").stdout)["keys"][0]["revoked_at"] is not None


def test_a_service_that_the_standards_do_not_have_is_noted_and_the_key_made() -> None:
    done = keys("create", "--service", "helpdsk")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[0] == "note: paceline.yaml has no service 'helpdsk' (it has helpdesk)."
    done = keys("create", "--service", "helpdesk", "--use-case", "chta")
    assert "service 'helpdesk' has no use case 'chta'" in done.stderr


def test_the_data_directory_is_beside_the_standards_file_unless_said_otherwise(home: Path) -> None:
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "paceline.yaml").write_text(STANDARDS)
    created("--service", "helpdesk", "--standards", "elsewhere/paceline.yaml")
    assert (elsewhere / ".paceline" / "ledger.db").is_file()
    created("--service", "helpdesk", "--data", "third")
    assert (home / "third" / "ledger.db").is_file()
    assert not (home / ".paceline").exists()


def test_a_ledger_that_cannot_be_opened_is_said_so(home: Path) -> None:
    (home / ".paceline").write_text("not a directory")
    done = keys("list")
    assert done.exit_code == 2
    assert done.stderr.endswith("  fix: run `paceline doctor`.\n")


def test_a_new_admin_key_replaces_the_one_before(home: Path) -> None:
    first, second = (keys("admin").output.strip() for _ in range(2))
    with open_ledger(home / ".paceline") as ledger:
        assert not is_admin_key(ledger, first)
        assert is_admin_key(ledger, second)


def test_limits_of_a_key_are_kept_and_listed() -> None:
    made = created("--service", "helpdesk", "--requests-per-minute", "60", "--usd-per-day", "2.5")
    assert made["limits"] == {"requests_per_minute": 60, "usd_per_day": 2.5}
    (only,) = json.loads(keys("list", "--format", "json").stdout)["keys"]
    assert only["limits"] == made["limits"]
    assert "60 requests/min, $2.5/day" in " ".join(keys("list").output.split())


@pytest.mark.parametrize("wrong", [("--requests-per-minute", "0"), ("--usd-per-month", "0"), ("--usd-per-day", "x")])
def test_a_limit_of_nothing_is_refused(wrong: tuple[str, str]) -> None:
    assert keys("create", "--service", "helpdesk", *wrong).exit_code == 2
