"""`paceline incidents`, on a real ledger with nothing running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paceline.cli.incidents import command
from paceline.ledger import open_ledger
from paceline.ledger.incidents import IncidentEvent, LimitKey

AT = 1_795_435_200_000_000
LIMIT = LimitKey("helpdesk", "support-chat", "ttft", "p95")


@pytest.fixture
def incident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An open incident in the data directory beside the standards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paceline.yaml").write_text("version: 1\n")
    (tmp_path / ".paceline").mkdir()
    values = {
        "state": "detected",
        "severity": "page",
        "owner": "support",
        "since_us": AT,
        "detected_us": AT + 60_000_000,
    }
    with open_ledger(tmp_path / ".paceline") as ledger, ledger.incidents.changing() as change:
        event = IncidentEvent(AT + 60_000_000, "paceline", "detected", "14.0% over the p95 limit of ttft")
        return change.open({**values, "n": 200, "over_limit": 28, "allowed": 0.05}, LIMIT, event)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_none_is_said_and_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paceline.yaml").write_text("version: 1\n")
    done = run("list")
    assert (done.exit_code, done.stdout.startswith("No open incidents")) == (0, True)


def test_open_ones_are_listed_and_the_exit_code_says_so(incident: str) -> None:
    done = run("list")
    assert done.exit_code == 1
    assert f"{incident}  helpdesk  support-chat  ttft p95  page      detected  support" in done.stdout
    assert "14% of 200" in done.stdout
    (one,) = json.loads(run("list", "--format", "json").stdout)["incidents"]
    assert (one["id"], one["over_limit"], one["ended"]) == (incident, 28, None)


def test_its_life_from_the_command_line_is_in_its_timeline(incident: str) -> None:
    shown = run("show", incident).stdout
    assert "page, detected; owner support" in shown
    assert "28 of 200 requests over (14.0%; 5.0% allowed)" in shown
    assert "to be triaged by 2026-11-23 12:31 UTC" in shown
    assert run("ack", incident).stdout == f"{incident} is triaged.\n"
    assert run("ack", incident, "--to", "mitigated").exit_code == 0
    assert run("note", incident, "rolled back to build 41").exit_code == 0
    assert (
        run("close", incident, "--reason", "deploy", "--note", "build 42 was slow").stdout
        == f"{incident} is resolved.\n"
    )
    told = json.loads(run("show", incident, "--format", "json").stdout)
    assert (told["state"], told["reason"]) == ("resolved", "deploy")
    assert [entry["kind"] for entry in told["timeline"]] == ["detected", "state", "state", "note", "state"]
    assert told["timeline"][-1]["text"] == "resolved: build 42 was slow"
    assert run("list").exit_code == 0
    assert incident in run("list", "--since", "1h").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("close", "ID"), "name the reason: one of mix, provider"),
        (("close", "ID", "--false-alarm"), "needs a note"),
        (("ack", "i_nothing"), "there is no incident i_nothing"),
        (("show", "i_nothing"), "there is no incident i_nothing"),
        (("note", "ID", "  "), "the note is empty"),
    ],
)
def test_a_refusal_says_what_is_missing(incident: str, arguments: tuple[str, ...], message: str) -> None:
    done = run(*(incident if word == "ID" else word for word in arguments))
    assert done.exit_code != 0
    assert message in str(done.exception) + done.output


def test_the_reasons_are_explained() -> None:
    said = run("close", "--reasons").stdout
    assert "deploy          a change of the service itself" in said
    assert len(said.splitlines()) == 11
