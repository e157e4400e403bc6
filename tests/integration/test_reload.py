"""New standards, new keys, restarts: the gateway follows without dropping what runs, and goes on when alone."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.installation import PATIENCE_S, Installation, installation, until
from tests.integration.ledger_rows import row
from tests.integration.raw_client import Answer, Stream, asking, exchange, request

# What `auto` is asked to say: more than any cap of these tests.
LONG = "x-sim-output-tokens: 500"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all; each test leaves it running on the standards it found."""
    with installation(tmp_path_factory.mktemp("reload")) as made:
        yield made


@pytest.fixture(scope="module")
def key(at: Installation) -> str:
    """A key of the first service."""
    return at.key()


def status(at: Installation) -> dict[str, Any]:
    """Ask the control process how things stand."""
    with urllib.request.urlopen(f"http://127.0.0.1:{at.control_port}/api/status", timeout=PATIENCE_S) as answer:
        return dict(json.load(answer))


def ask(at: Installation, key: str, *fields: str) -> Answer:
    """Make one request without a cap of its own."""
    body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
    return exchange(at.gateway_port, request(key, body, *fields))


def said(answer: Answer) -> int:
    """Tokens of a whole answer."""
    assert answer.status == 200, answer.body
    return int(answer.document["usage"]["completion_tokens"])


def put(at: Installation, text: str) -> str:
    """Replace the standards file and wait until its plan is in force; return the plan's hash."""
    before = at.link.status()["plan"]
    at.standards.write_text(text)
    until(lambda: at.link.status()["plan"] != before, "the new plan in force")
    return str(at.link.status()["plan"])


def test_new_standards_rule_the_next_request_and_leave_running_ones_alone(at: Installation, key: str) -> None:
    old, text = at.link.status()["plan"], at.standards.read_text()
    stream = Stream(at.gateway_port, key, LONG, "x-sim-fault: stall=1500@2")
    stream.read_until(b'"content":"')
    tighter = text.replace("max_output_tokens: 300", "max_output_tokens: 50") + "gateway: {body_bytes_max: 2KiB}\n"
    new = put(at, tighter)
    answer = ask(at, key, LONG)
    assert said(answer) == 50
    too_large = exchange(at.gateway_port, request(key, asking("x" * 4096)))
    assert (too_large.status, too_large.code) == (413, "G302")
    stream.read_rest()
    assert stream.is_whole
    assert stream.tokens == 300
    running = row(at, stream.id)
    assert (running["plan"], running["cap_tokens"]) == (old[:16], 300)
    later = row(at, answer.headers["x-paceline-request-id"])
    assert (later["plan"], later["cap_tokens"]) == (new[:16], 50)
    assert put(at, text) == old
    assert said(ask(at, key, LONG)) == 300


def test_a_faulty_file_changes_nothing_and_is_shown(at: Installation, key: str) -> None:
    old, text = at.link.status()["plan"], at.standards.read_text()
    for faulty in (
        text.replace("owner: support", "owner: nobody"),
        text.replace("version: 1", "version: [1"),
        "",
        text + "gatway: {}\n",
    ):
        at.standards.write_text(faulty)
        faults = until(lambda: status(at)["plan"]["faults"], "the faults to be shown")
        assert faults[0]["message"]
        shown = status(at)["plan"]
        assert shown["is_current"] is False
        assert shown["in_force"] == at.link.status()["plan"] == old
        assert said(ask(at, key, LONG)) == 300
        at.standards.write_text(text)
        until(lambda: status(at)["plan"]["is_current"], "the mended file in force")
    at.standards.unlink()
    assert until(lambda: status(at)["plan"]["faults"], "the missing file to be shown")
    assert said(ask(at, key)) > 0
    at.standards.write_text(text)
    until(lambda: status(at)["plan"]["is_current"], "the file in force")
    assert at.link.status()["plan"] == old


def test_what_only_a_restart_can_change_is_said_and_the_drain_follows_at_once(at: Installation, key: str) -> None:
    text = at.standards.read_text()
    put(at, text + "gateway: {head_read: 3s, drain: 1ms}\n")
    shown = status(at)["gateway"]
    assert shown["wait_for_restart"] == ["head_read"]
    assert "gateway.head_read of plan" in at.log("gateway")
    stream = Stream(at.gateway_port, key, "x-sim-fault: stall=600000@2")
    stream.read_until(b'"content":"')
    at.stop("gateway")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        stream.read_rest()
    stream.connection.close()
    at.start("gateway")
    assert at.link.status()["wait_for_restart"] == []
    put(at, text)
    at.stop("gateway")
    at.start("gateway")
    assert ask(at, key).status == 200


def test_a_key_works_once_made_and_no_more_once_revoked(at: Installation, key: str) -> None:
    ledger = at.ledger()
    try:
        made = ledger.keys.create(service="helpdesk")
        until(lambda: ask(at, made.key).status == 200, "the new key to work")
        stream = Stream(at.gateway_port, made.key, "x-sim-fault: stall=1500@2")
        stream.read_until(b'"content":"')
        ledger.keys.revoke(made.id)
    finally:
        ledger.close()
    until(lambda: ask(at, made.key).status == 401, "the revoked key to fail")
    refused = ask(at, made.key)
    assert refused.code == "G102"
    assert made.key not in refused.body.decode()
    stream.read_rest()
    assert stream.is_whole
    assert ask(at, key).status == 200


def test_without_control_requests_are_served_even_by_a_restarted_gateway(at: Installation, key: str) -> None:
    plan = at.link.status()["plan"]
    at.stop("control")
    before = ask(at, key, LONG)
    at.stop("gateway")
    at.start("gateway")
    assert at.link.status()["plan"] == plan
    after = ask(at, key, LONG)
    assert said(before) == said(after) == 300
    at.kill("gateway")
    at.start("gateway")
    assert said(ask(at, key)) > 0
    at.start("control")
    for answer in (before, after):
        assert row(at, answer.headers["x-paceline-request-id"])["outcome"] == "ok"
    until(lambda: status(at)["plan"]["is_current"], "control to find its gateway")


def test_a_damaged_plan_file_is_left_alone_until_control_brings_a_sound_one(at: Installation, key: str) -> None:
    at.stop("control", "gateway")
    at.data.plan.write_bytes(at.data.plan.read_bytes()[:-40])
    at.start("gateway")
    refused = ask(at, key)
    assert (refused.status, refused.code) == (503, "G502")
    assert refused.headers["retry-after"]
    at.start("control")
    until(lambda: ask(at, key).status == 200, "a plan from control")
