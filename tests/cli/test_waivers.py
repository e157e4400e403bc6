"""`paceline waivers` as its users meet it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inline_snapshot import snapshot
from tests.governance.waivers.test_waivers import TEXT

from paceline.cli.waivers import command


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "paceline.yaml").write_text(TEXT)
    return tmp_path


def run(place: Path, *arguments: str) -> Result:
    where = ["--standards", str(place / "paceline.yaml"), "--data", str(place / "data")]
    return CliRunner().invoke(command, [*arguments, *where])


def ask(place: Path, *more: str) -> str:
    done = run(place, "request", "helpdesk", "--reason", "vendor outage", "--days", "14", "--as", "dana", *more)
    found = re.search(r"w_\w{8}", done.output)
    assert found is not None, done.output
    return found[0]


def test_from_the_request_to_the_end(place: Path) -> None:
    number = ask(place, "--use-case", "support-chat", "--limit", "ttft p95")
    done = run(place, "approve", number, "--as", "lee")
    assert (done.exit_code, re.sub(r"\d{4}-\d\d-\d\d", "DAY", done.output.replace(number, "w_1"))) == (
        0,
        "w_1 holds until DAY: helpdesk / support-chat: ttft p95.\n",
    )
    assert "13 days" in run(place, "list").output
    (found,) = json.loads(run(place, "list", "--format", "json").output)["waivers"]
    assert (found["state"], found["requester"], found["approver"], found["source"]) == (
        "approved",
        "dana",
        "lee",
        "ledger",
    )
    assert run(place, "revoke", number, "--reason", "moved already", "--as", "lee").output == f"{number} is revoked.\n"
    assert run(place, "list").output == "No waivers: the standards hold for everybody.\n"
    shown = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", "DAY", run(place, "show", number).output.replace(number, "w_1"))
    assert shown == snapshot("""\
w_1  helpdesk / support-chat: ttft p95
  revoked, until DAY
  vendor outage
  asked for by dana, decided by lee
  DAY  dana: request: for 14 days: vendor outage
  DAY  lee: approve: for 14 days
  DAY  lee: revoke: moved already
""")


def test_a_denial(place: Path) -> None:
    number = ask(place)
    assert run(place, "deny", number, "--reason", "use the small model", "--as", "lee").exit_code == 0
    assert "denied" in run(place, "list", "--all").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("approve", "w_none"), "the ledger has no waiver w_none"),
        (("show", "w_none"), "there is no waiver w_none"),
        (("request", "helpdsk", "--reason", "r", "--days", "3"), "did you mean 'helpdesk'?"),
        (("request", "helpdesk", "--reason", "r", "--days", "300"), "ask for 1 to 30"),
    ],
)
def test_what_is_wrong_is_said_with_a_way_out(place: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(place, *arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_without_standards_it_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "list")
    assert done.exit_code == 2
    assert "paceline init" in done.output
