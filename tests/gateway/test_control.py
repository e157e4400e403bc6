"""The control process in full, but for the gateway it steers: API, plans, keys, and its life as a process."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.gateway.admin_socket import admin_socket

from paceline.gateway.address import Address
from paceline.gateway.admin import is_admin_key, make_admin_key
from paceline.gateway.control import Control, ControlError, only_one, opened
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir

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
LOOPBACK = Address("127.0.0.1", 0)


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    path = tmp_path / "paceline.yaml"
    path.write_text(STANDARDS)
    return path


@pytest.fixture
def control(tmp_path: Path, standards: Path) -> Iterator[Control]:
    with opened(DataDir(tmp_path / "data"), standards, LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        yield made


@pytest.fixture
def client(control: Control) -> TestClient:
    return TestClient(application(control), base_url="http://127.0.0.1:4101")


def until(condition: Any) -> Any:
    deadline = time.monotonic() + 30
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


def test_a_plan_is_written_for_the_gateway_readable_by_its_owner_only(control: Control) -> None:
    plan = json.loads(control.data.plan.read_bytes())
    assert plan["hash"] == control.planner.state.wanted
    assert stat.S_IMODE(control.data.plan.stat().st_mode) == 0o600


def test_faults_keep_the_plan_before_and_are_shown(control: Control, client: TestClient, standards: Path) -> None:
    before = control.planner.state.wanted
    standards.write_text(STANDARDS.replace("owner: support", "owner: suport"))
    until(lambda: control.planner.state.faults)
    shown = client.get("/api/status").json()["plan"]
    assert shown["wanted"] == before
    assert shown["is_current"] is False
    assert [(fault["path"], fault["line"]) for fault in shown["faults"]] == [("services.helpdesk.owner", 8)]
    assert json.loads(control.data.plan.read_bytes())["hash"] == before
    standards.write_text(STANDARDS.replace("organisation: Test", "organisation: Other"))
    until(lambda: control.planner.state.wanted != before)
    assert client.get("/api/status").json()["plan"]["faults"] == []


def test_a_file_that_vanishes_keeps_the_plan_before(control: Control, standards: Path) -> None:
    before = control.planner.state.wanted
    standards.unlink()
    fault = until(lambda: control.planner.state.faults)
    assert "there is no file" in fault[0]["message"]
    assert control.planner.state.wanted == before


def test_keys_are_made_and_revoked_with_the_admin_key_and_enter_the_plan(control: Control, client: TestClient) -> None:
    wanted = {"service": "helpdesk", "use_case": "support-chat", "name": "ci"}
    assert client.post("/api/keys", json=wanted).status_code == 401
    admin = {"authorization": f"Bearer {make_admin_key(control.ledger)}"}
    made = client.post("/api/keys", json=wanted, headers=admin)
    assert made.status_code == 201
    key = made.json()
    assert key["key"].startswith("pk-")
    until(lambda: [one["id"] for one in plan_of(control)["keys"]] == [key["id"]])
    listed = client.get("/api/keys").json()["keys"]
    assert [(one["id"], one["name"]) for one in listed] == [(key["id"], "ci")]
    assert key["key"] not in client.get("/api/keys").text + control.data.plan.read_text()
    assert client.delete(f"/api/keys/{key['id']}").status_code == 401
    assert client.delete(f"/api/keys/{key['id']}", headers=admin).status_code == 204
    assert client.delete(f"/api/keys/{key['id']}", headers=admin).status_code == 404
    until(lambda: plan_of(control)["keys"] == [])


def test_a_key_revoked_while_the_file_has_faults_leaves_the_plan(control: Control, standards: Path) -> None:
    made = control.ledger.keys.create(service="helpdesk")
    until(lambda: made.id in [key["id"] for key in plan_of(control)["keys"]])
    standards.write_text("version: 1\nnonsense: true\n")
    until(lambda: control.planner.state.faults)
    control.ledger.keys.revoke(made.id)
    until(lambda: plan_of(control)["keys"] == [])
    assert control.planner.state.faults, "the faults are still there to be seen"


def plan_of(control: Control) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(control.data.plan.read_bytes())
    return document


def test_unknown_fields_of_a_key_are_refused(control: Control, client: TestClient) -> None:
    admin = {"authorization": f"Bearer {make_admin_key(control.ledger)}"}
    assert client.post("/api/keys", json={"servce": "helpdesk"}, headers=admin).status_code == 422


def test_only_the_newest_admin_key_works(control: Control) -> None:
    first, second = make_admin_key(control.ledger), make_admin_key(control.ledger)
    assert not is_admin_key(control.ledger, first)
    assert is_admin_key(control.ledger, second)
    assert not is_admin_key(control.ledger, "")


@pytest.mark.parametrize("path", ["/api/status", "/api/report", "/api/keys"])
def test_reading_is_free_on_loopback_but_not_under_another_name(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.get(path, headers={"host": "localhost:4101"}).status_code == 200
    assert client.get(path, headers={"host": "attacker.example"}).status_code == 401


def test_a_name_that_only_begins_like_loopback_is_another_name(client: TestClient) -> None:
    assert client.get("/api/keys", headers={"host": "127.0.0.1.example.com:4101"}).status_code == 401


@pytest.mark.parametrize("path", ["/api/status", "/api/report", "/api/keys", "/metrics"])
def test_beyond_loopback_everything_wants_the_admin_key(control: Control, path: str) -> None:
    control.needs_key = True
    client = TestClient(application(control), base_url="http://127.0.0.1:4101")
    assert client.get("/healthz").json() == {"status": "ok"}
    refused = client.get(path, headers={"authorization": "Bearer pa-wrong"})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    admin = {"authorization": f"Bearer {make_admin_key(control.ledger)}"}
    assert client.get(path, headers=admin).status_code in {200, 503}


def test_without_a_gateway_status_says_so_and_metrics_are_unavailable(client: TestClient) -> None:
    gateway = client.get("/api/status").json()["gateway"]
    assert gateway["reachable"] is False
    assert client.get("/metrics").status_code == 503


def test_metrics_say_whether_the_standards_file_is_in_force(
    control: Control, client: TestClient, standards: Path
) -> None:
    with admin_socket(control.data.socket):
        text = client.get("/metrics").text
        assert text.endswith("\npaceline_plan_refused 0\n# EOF\n")
        standards.write_text("version: 1\nnonsense: true\n")
        until(lambda: control.planner.state.faults)
        assert "\npaceline_plan_refused 1\n# EOF\n" in client.get("/metrics").text


def test_limits_of_a_key_are_checked(control: Control, client: TestClient) -> None:
    admin = {"authorization": f"Bearer {make_admin_key(control.ledger)}"}
    for limits in ({"requests_per_minute": 0}, {"usd_per_day": -1}, {"request_per_minute": 5}):
        made = client.post("/api/keys", json={"service": "helpdesk", "limits": limits}, headers=admin)
        assert made.status_code == 422, limits
    limited = {"service": "helpdesk", "limits": {"requests_per_minute": 5}}
    assert client.post("/api/keys", json=limited, headers=admin).status_code == 201
    until(lambda: [key["rates"]["requests_per_minute"] for key in plan_of(control)["keys"]] == [5])


def test_the_report_covers_the_window_asked_for(client: TestClient) -> None:
    document = client.get("/api/report", params={"since": 600}).json()
    assert [one["service"] for one in document["services"]] == ["helpdesk"]
    assert client.get("/api/report", params={"since": -1}).status_code == 422


def test_listening_for_everybody_wants_an_admin_key_first(tmp_path: Path, standards: Path) -> None:
    everybody = Address("0.0.0.0", 0)  # noqa: S104
    data = DataDir(tmp_path / "data")
    data.ensure()
    with pytest.raises(ControlError, match="no admin key"), opened(data, standards, everybody):
        pass
    with opened(data, standards, LOOPBACK) as control:
        make_admin_key(control.ledger)
    with opened(data, standards, everybody) as control:
        assert control.needs_key


def test_one_control_process_a_directory(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    with only_one(data), pytest.raises(ControlError, match="another control process"), only_one(data):
        pass
    with only_one(data):
        pass


def started(data: Path, standards: Path, port: int) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "paceline", "control", "--data", str(data), "--standards", str(standards))
    return subprocess.Popen((*command, "--listen", f"127.0.0.1:{port}"), stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_and_leaves_cleanly_on_a_signal(tmp_path: Path, standards: Path, number: int) -> None:
    port = free_port()
    with started(tmp_path / "data", standards, port) as process:
        until(lambda: answers(port) or process.poll())
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_an_address_in_use_is_said_so_with_a_way_out(tmp_path: Path, standards: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with started(tmp_path / "data", standards, holder.getsockname()[1]) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "stop what listens there, or choose another with --listen." in errors
