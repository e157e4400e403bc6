"""`paceline tokens`, `paceline alerts`, `paceline event` as their users meet them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from tests.governance.alerts.receivers import http_receiver

from paceline.cli import alerts, event, tokens
from paceline.ledger import open_ledger
from paceline.ledger.outbox import Draft

STANDARDS = """\
version: 1
models: {small: [openai/a]}
providers: {openai: {}}
tasks: {chat: small}
use_cases: {support-chat: {class: chat, task: chat}}
teams:
  support: {contact: "#support", alerts: [{webhook: env:HOOK}, {pagerduty: env:ABSENT, severities: [page]}]}
  silent: {}
services:
  helpdesk: {owner: support, use_cases: [support-chat]}
  editor: {owner: silent, use_cases: [support-chat]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "paceline.yaml").write_text(STANDARDS)
    return tmp_path


def run(command: click.Command, place: Path, *arguments: str, data: bool = True) -> Result:
    where = ["--standards", str(place / "paceline.yaml"), *(["--data", str(place / "data")] if data else [])]
    return CliRunner().invoke(command, [*arguments, *where])


def test_a_token_is_made_listed_and_revoked(place: Path) -> None:
    done = run(tokens.command, place, "create", "--role", "owner", "--team", "support", "--name", "dana")
    assert done.exit_code == 0
    text, number = re.findall(r"pt-\w{40}|t_\w{8}", done.output)
    with open_ledger(place / "data") as ledger:
        found = ledger.tokens.find(text)
    assert found is not None
    assert (found.id, found.role, found.team) == (number, "owner", "support")
    listed = run(tokens.command, place, "list").output
    assert number in listed
    assert text not in listed
    assert run(tokens.command, place, "revoke", number).output == f"{number} is revoked.\n"
    assert run(tokens.command, place, "revoke", number).exit_code == 1
    assert "revoked" in run(tokens.command, place, "list").output


@pytest.mark.parametrize(
    "arguments", [("--role", "owner", "--name", "x"), ("--role", "viewer", "--team", "a", "--name", "x")]
)
def test_an_owner_has_a_team_and_nobody_else(place: Path, arguments: tuple[str, ...]) -> None:
    done = run(tokens.command, place, "create", "--name", "x", *arguments)
    assert (done.exit_code, "names its team" in done.output) == (2, True)


def test_no_tokens(place: Path) -> None:
    assert "reading is free" in run(tokens.command, place, "list").output


def test_a_test_alert_is_really_sent(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_receiver() as receiver:
        monkeypatch.setenv("HOOK", receiver.url)
        done = run(alerts.command, place, "test", "helpdesk", data=False)
        (post,) = receiver.posts
        refused = run(alerts.command, place, "test", "helpdesk", "--severity", "page", "--format", "json", data=False)
    assert (done.exit_code, re.sub("-[0-9a-f]{6}", "-1", done.output)) == (0, "support, webhook-1: sent\n")
    (alert,) = post.json["alerts"]
    assert alert["annotations"]["summary"] == "Test: helpdesk: this is a test, nothing is wrong (look this week)"
    assert refused.exit_code == 1
    by_kind = {each["channel"].partition("-")[0]: each for each in json.loads(refused.output)["channels"]}
    assert by_kind["webhook"]["sent"]
    assert by_kind["pagerduty"]["error"] == "the variable ABSENT is not set where the control process runs"


def test_a_team_without_channels_is_told_what_to_add(place: Path) -> None:
    done = run(alerts.command, place, "test", "editor", data=False)
    assert "silent, the control process's log: sent" in done.output
    assert "teams.silent.alerts" in done.output


def test_an_unknown_service_is_said(place: Path) -> None:
    done = run(alerts.command, place, "test", "nothing", data=False)
    assert (done.exit_code, "there are: helpdesk, editor" in done.output) == (2, True)


def test_messages_are_listed_with_what_became_of_them(place: Path) -> None:
    assert run(alerts.command, place, "list").output == "No messages.\n"
    with open_ledger(place / "data") as ledger:
        now_us = time.time_ns() // 1000
        ledger.outbox.put("i_1", now_us, [Draft("support", "slack-1", "opened", "{}", now_us) for _ in range(3)])
        first, second, _ = ledger.outbox.of("i_1")
        ledger.outbox.sent([first.id], now_us)
        ledger.outbox.failed([second.id], now_us, "the receiver answered 404")
    done = run(alerts.command, place, "list").output
    assert [word in done for word in ("sent 20", "failed: the receiver answered 404", "to be sent")] == [True] * 3
    found = json.loads(run(alerts.command, place, "list", "--format", "json").output)["messages"]
    assert [one["sent"] is not None for one in found] == [True, False, False]


def test_a_deploy_and_an_outage_are_noted_once(place: Path) -> None:
    at = "2026-11-23T14:05Z"
    for said in ("Noted.\n", "It was noted before.\n"):
        assert run(event.command, place, "deploy", "helpdesk", "build  41", "--at", at).output == said
    assert run(event.command, place, "outage", "openai", "slow", "--link", "https://s.example").output == "Noted.\n"
    with open_ledger(place / "data") as ledger:
        found = ledger.events.between(0, 2**62)
    assert [(one.kind, one.service, one.provider, one.text) for one in found[:1]] == [
        ("deploy", "helpdesk", "", "build 41")
    ]
    listed = run(event.command, place, "list").output
    assert "outage  openai: slow https://s.example" in listed


@pytest.mark.parametrize(
    ("at", "said"), [("yesterday", "is not a time"), ("2026-11-23T14:05", "has no offset from UTC")]
)
def test_a_time_that_is_none_is_said(place: Path, at: str, said: str) -> None:
    done = run(event.command, place, "deploy", "helpdesk", "x", "--at", at)
    assert (done.exit_code, said in done.output) == (2, True)
