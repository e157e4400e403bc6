"""`/api/v1`: who may do what, pages, acting, what others tell us; and schemathesis over all of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.gateway.test_control import LOOPBACK, STANDARDS, until

from paceline.gateway.admin import make_admin_key
from paceline.gateway.control import Control, opened
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir
from paceline.ledger.incidents import IncidentEvent, LimitKey

NOW_US = 1_795_435_200_000_000


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    folder = tmp_path_factory.mktemp("api")
    standards = folder / "paceline.yaml"
    standards.write_text(STANDARDS.replace("teams: {support: {}}", "teams: {support: {}, editor: {}}"))
    with opened(DataDir(folder / "data"), standards, LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        yield made


@pytest.fixture(scope="module")
def app(control: Control) -> FastAPI:
    return application(control)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:4101")


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


@pytest.fixture
def admin(control: Control) -> dict[str, str]:
    return bearer(control.ledger.tokens.create("admin", "lee")[0])


@pytest.fixture
def support(control: Control) -> dict[str, str]:
    return bearer(control.ledger.tokens.create("owner", "dana", team="support")[0])


@pytest.fixture
def editor(control: Control) -> dict[str, str]:
    return bearer(control.ledger.tokens.create("owner", "kim", team="editor")[0])


@pytest.fixture
def viewer(control: Control) -> dict[str, str]:
    return bearer(control.ledger.tokens.create("viewer", "sam")[0])


def opened_incident(control: Control, *, minute: int = 0, service: str = "helpdesk", **more: Any) -> str:
    at_us = NOW_US + minute * 60_000_000
    values = {"state": "detected", "severity": "ticket", "owner": "support", "since_us": at_us, "detected_us": at_us}
    values |= {"n": 10, "over_limit": 5, "allowed": 0.05, **more}
    with control.ledger.incidents.changing() as change:
        event = IncidentEvent(at_us, "paceline", "detected", "over")
        return change.open(values, LimitKey(service, "support-chat", "ttft_ms", "p95"), event)


# Who may do what.


def test_on_this_machine_reading_is_free_and_acting_is_not(client: TestClient, control: Control) -> None:
    incident = opened_incident(control)
    assert client.get("/api/v1/incidents").status_code == 200
    assert client.get("/api/v1/incidents", headers={"host": "evil.example"}).status_code == 401
    refused = client.post(f"/api/v1/incidents/{incident}/notes", json={"text": "x"})
    assert refused.status_code == 401
    assert "paceline tokens create" in refused.json()["detail"]


def test_a_wrong_token_is_nobody_even_for_reading(client: TestClient, control: Control) -> None:
    text, made = control.ledger.tokens.create("viewer", "old")
    assert client.get("/api/v1/services", headers=bearer(text)).status_code == 200
    assert control.ledger.tokens.revoke(made.id)
    for wrong in (text, "pt-none", "pa-none", ""):
        assert client.get("/api/v1/services", headers=bearer(wrong)).status_code == 401


def test_where_others_can_connect_reading_wants_a_token(
    client: TestClient, control: Control, viewer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "needs_key", True)
    assert client.get("/api/v1/services").status_code == 401
    assert client.get("/api/v1/services", headers=viewer).status_code == 200


def test_a_viewer_reads_and_an_owner_acts_for_its_team(
    client: TestClient, control: Control, viewer: dict[str, str], support: dict[str, str], editor: dict[str, str]
) -> None:
    incident = opened_incident(control)
    where, body = f"/api/v1/incidents/{incident}/notes", {"text": "rolled back"}
    assert client.post(where, json=body, headers=viewer).status_code == 403
    refused = client.post(where, json=body, headers=editor)
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "it belongs to support; the token is of team editor",
    )
    assert client.post(where, json=body, headers=support).status_code == 201
    (note,) = [one for one in client.get(f"/api/v1/incidents/{incident}").json()["timeline"] if one["kind"] == "note"]
    assert (note["actor"], note["text"]) == ("dana", "rolled back")


def test_tokens_are_for_admins_and_their_text_is_seen_once(
    client: TestClient, admin: dict[str, str], support: dict[str, str]
) -> None:
    assert client.get("/api/v1/tokens", headers=support).status_code == 403
    assert client.get("/api/v1/tokens").status_code == 401
    made = client.post("/api/v1/tokens", json={"role": "owner", "name": "ci", "team": "support"}, headers=admin).json()
    assert made["token"].startswith("pt-")
    assert made["token"] not in client.get("/api/v1/tokens", headers=admin).text
    assert client.delete(f"/api/v1/tokens/{made['id']}", headers=admin).status_code == 204
    assert client.delete(f"/api/v1/tokens/{made['id']}", headers=admin).status_code == 404
    subject = f"token {made['id']}"
    entries = client.get("/api/v1/audit", params={"subject": subject}).json()["items"]
    assert [(one["actor"], one["action"]) for one in entries] == [("lee", "revoke"), ("lee", "create")]
    for role, team in (("owner", ""), ("viewer", "support")):
        body = {"role": role, "name": "x", "team": team}
        assert client.post("/api/v1/tokens", json=body, headers=admin).status_code == 409


def test_the_admin_key_is_an_admin(client: TestClient, control: Control) -> None:
    assert client.get("/api/v1/tokens", headers=bearer(make_admin_key(control.ledger))).status_code == 200


# Incidents.


def test_incidents_come_in_pages_without_a_gap(client: TestClient, control: Control) -> None:
    kind = "paged"
    made = {opened_incident(control, minute=at // 2, kind=kind) for at in range(7)}
    seen: list[str] = []
    after = None
    for _ in range(10):
        params = {"kind": kind, "limit": 3, **({"after": after} if after else {})}
        answer = client.get("/api/v1/incidents", params=params).json()
        seen += [one["id"] for one in answer["items"]]
        after = answer["next"]
        if after is None:
            break
    assert len(seen) == 7
    assert set(seen) == made
    assert client.get("/api/v1/incidents", params={"after": "x"}).status_code == 422


def test_an_incident_is_moved_on_and_ended(client: TestClient, control: Control, support: dict[str, str]) -> None:
    incident = opened_incident(control)
    where = f"/api/v1/incidents/{incident}/state"
    moved = client.post(where, json={"to": "investigating", "note": "looking"}, headers=support)
    assert moved.json()["state"] == "investigating"
    back = client.post(where, json={"to": "triaged"}, headers=support)
    assert (back.status_code, "it is investigating already" in back.json()["detail"]) == (409, True)
    assert client.post(where, json={"to": "resolved"}, headers=support).status_code == 409, "a reason is missing"
    ended = client.post(where, json={"to": "resolved", "reason": "deploy"}, headers=support).json()
    assert (ended["state"], ended["reason"], ended["ended"] is not None) == ("resolved", "deploy", True)
    assert incident not in [one["id"] for one in client.get("/api/v1/incidents").json()["items"]]
    listed = client.get("/api/v1/incidents", params={"state": "ended", "limit": 500}).json()["items"]
    assert incident in [one["id"] for one in listed]


def test_what_is_not_there_is_not_found(client: TestClient, support: dict[str, str], admin: dict[str, str]) -> None:
    for path in ("/api/v1/incidents/i_none", "/api/v1/waivers/w_none", "/api/v1/reviews/none"):
        assert client.get(path).status_code == 404
    assert client.post("/api/v1/incidents/i_none/notes", json={"text": "x"}, headers=support).status_code == 404
    assert client.post("/api/v1/waivers/w_none/approve", headers=admin).status_code == 404


# Waivers.


def test_a_waiver_is_asked_for_by_an_owner_and_approved_by_an_admin(
    client: TestClient, support: dict[str, str], editor: dict[str, str], admin: dict[str, str]
) -> None:
    wanted = {"service": "helpdesk", "limit": "ttft p95", "reason": "vendor outage", "days": 14}
    assert client.post("/api/v1/waivers", json=wanted, headers=editor).status_code == 403
    asked = client.post("/api/v1/waivers", json=wanted, headers=support)
    assert (asked.status_code, asked.json()["state"], asked.json()["requester"]) == (201, "pending", "dana")
    number = asked.json()["id"]
    assert client.post(f"/api/v1/waivers/{number}/approve", headers=support).status_code == 403
    approved = client.post(f"/api/v1/waivers/{number}/approve", headers=admin).json()
    assert (approved["state"], approved["approver"]) == ("approved", "lee")
    (service,) = [one for one in client.get("/api/v1/services").json()["items"] if one["name"] == "helpdesk"]
    assert (service["owner"], service["waivers"]) == ("support", 1)
    revoked = client.post(f"/api/v1/waivers/{number}/revoke", json={"reason": "moved"}, headers=support).json()
    assert revoked["state"] == "revoked"
    assert client.get("/api/v1/waivers", params={"state": "approved"}).json()["items"] == []
    assert [
        one["action"] for one in client.get("/api/v1/audit", params={"subject": f"waiver {number}"}).json()["items"]
    ] == [
        "revoke",
        "approve",
        "request",
    ]


def test_nobody_approves_their_own_with_another_token(
    client: TestClient, control: Control, support: dict[str, str]
) -> None:
    wanted = {"service": "helpdesk", "reason": "r", "days": 3}
    number = client.post("/api/v1/waivers", json=wanted, headers=support).json()["id"]
    own = bearer(control.ledger.tokens.create("admin", "Dana")[0])
    refused = client.post(f"/api/v1/waivers/{number}/approve", headers=own)
    assert (refused.status_code, "cannot approve it" in refused.json()["detail"]) == (409, True)


def test_a_denial_and_a_refused_request(client: TestClient, support: dict[str, str], admin: dict[str, str]) -> None:
    wanted = {"service": "helpdesk", "reason": "r", "days": 3}
    number = client.post("/api/v1/waivers", json=wanted, headers=support).json()["id"]
    assert (
        client.post(f"/api/v1/waivers/{number}/deny", json={"reason": "no"}, headers=admin).json()["state"] == "denied"
    )
    refused = client.post("/api/v1/waivers", json={**wanted, "limit": "speed"}, headers=support)
    assert (refused.status_code, "there are: ttft p95" in refused.json()["detail"]) == (409, True)


# Maintenance and owners.


def test_maintenance_is_added_by_the_owner_and_ended_by_an_admin(
    client: TestClient, support: dict[str, str], editor: dict[str, str], admin: dict[str, str]
) -> None:
    wanted = {"service": "helpdesk", "reason": "reindexing", "starts": 1_795_900_000, "minutes": 60}
    assert client.post("/api/v1/exclusions", json=wanted, headers=editor).status_code == 403
    assert client.post("/api/v1/exclusions", json={**wanted, "service": ""}, headers=support).status_code == 403
    made = client.post("/api/v1/exclusions", json={**wanted, "rule": "FREQ=WEEKLY"}, headers=support)
    assert (made.status_code, made.json()["actor"], made.json()["ended"]) == (201, "dana", None)
    refused = client.post("/api/v1/exclusions", json={**wanted, "rule": "FREQ=MINUTELY"}, headers=support)
    assert (refused.status_code, "more often than hourly" in refused.json()["detail"]) == (409, True)
    where = f"/api/v1/exclusions/{made.json()['id']}"
    assert client.delete(where, headers=support).status_code == 403
    assert client.delete(where, headers=admin).status_code == 204
    assert client.delete(where, headers=admin).status_code == 404
    (one,) = [each for each in client.get("/api/v1/exclusions").json()["items"] if each["id"] == made.json()["id"]]
    assert one["ended"] is not None


def test_calls_nobody_answers_for_can_be_asked_for(client: TestClient) -> None:
    assert client.get("/api/v1/ownerless").json() == {"items": [], "next": None}


# What others tell us.


def test_a_deploy_is_told_once(client: TestClient, support: dict[str, str]) -> None:
    told = {"kind": "deploy", "service": "helpdesk", "text": "build  41", "at": time.time() - 60}
    for _ in range(2):
        assert client.post("/api/v1/events", json=told, headers=support).status_code == 201
    found = [one for one in client.get("/api/v1/events").json()["items"] if one["kind"] == "deploy"]
    assert [(one["text"], one["actor"]) for one in found] == [("build 41", "dana")]


def alertmanager(status: str = "firing", **labels: str) -> dict[str, Any]:
    one = {
        "status": status,
        "labels": {"alertname": "GpuHot", **labels},
        "annotations": {"summary": "GPU 3 is throttled"},
        "startsAt": "2026-11-23T14:05:00.123Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": "ca4f" + "".join(sorted(labels.values())),
    }
    whole = {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": status, "receiver": "paceline"}
    return {**whole, "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "alerts": [one]}


def test_outside_alerts_are_attached_to_the_incidents_they_may_explain(
    client: TestClient, control: Control, support: dict[str, str]
) -> None:
    own = opened_incident(control, service="billing", owner="editor", provider="house")
    other = opened_incident(control, service="search", owner="editor", provider="openai")

    def send(message: dict[str, Any]) -> dict[str, int]:
        answer = client.post("/api/v1/alertmanager", json=message, headers=support)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    assert send(alertmanager(service="billing")) == {"new": 1, "attached": 1}
    assert send(alertmanager(service="billing")) == {"new": 0, "attached": 0}, "sent again"
    assert send(alertmanager("resolved", service="billing"))["attached"] == 1
    assert send(alertmanager(provider="house"))["attached"] >= 1
    texts = [one["text"] for one in client.get(f"/api/v1/incidents/{own}").json()["timeline"]]
    assert texts.count("GpuHot firing: GPU 3 is throttled") == 2
    assert "GpuHot resolved: GPU 3 is throttled" in texts
    assert [one["text"] for one in client.get(f"/api/v1/incidents/{other}").json()["timeline"]] == ["over"]


def test_a_body_that_is_too_large_is_refused(client: TestClient, support: dict[str, str]) -> None:
    answer = client.post("/api/v1/alertmanager", content=b" " * (2 << 20), headers=support)
    assert (answer.status_code, answer.json()["detail"]) == (413, "a body may have 1048576 bytes")


# All of it.


# What the linter found.

FOUND = {"service": "helpdesk", "revision": "abc123", "errors": 1, "rules": [{"code": "C201", "live": 1, "pragma": 2}]}


def test_what_the_linter_found_is_told_by_its_team_and_read_by_all(
    client: TestClient, admin: dict[str, str], support: dict[str, str], editor: dict[str, str], viewer: dict[str, str]
) -> None:
    for who, code in ((viewer, 403), (editor, 403), (support, 201), (admin, 201)):
        assert client.post("/api/v1/lint", json=FOUND, headers=who).status_code == code
    (state,) = client.get("/api/v1/lint").json()["items"]
    assert (state["service"], state["errors"], state["pragmas"], state["actor"]) == ("helpdesk", 1, 0, "lee")
    assert state["rules"] == [{"code": "C201", "live": 1, "pragma": 2, "baseline": 0}]
    assert client.get("/api/v1/lint/helpdesk").json()["items"] == [state], "the last of a day"
    assert client.get("/api/v1/lint/nothing").json()["items"] == []


def test_what_the_linter_found_is_of_a_service_and_holds_no_code(client: TestClient, admin: dict[str, str]) -> None:
    assert client.post("/api/v1/lint", json=FOUND | {"service": "nothing"}, headers=admin).status_code == 404
    for wrong in (
        {"code": "x = 1"},
        {"revision": "a b"},
        {"version": "0\0"},
        {"errors": -1},
        {"rules": [{"code": "app.py"}]},
    ):
        assert client.post("/api/v1/lint", json=FOUND | wrong, headers=admin).status_code == 422


def test_schemathesis_finds_no_server_error_and_no_answer_out_of_form(app: FastAPI, control: Control) -> None:
    token, _ = control.ledger.tokens.create("admin", "fuzz")
    incident = opened_incident(control)
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    headers = {**bearer(token), "host": "127.0.0.1:4101"}
    tried: dict[str, int] = {}
    for found in schema.include(path_regex="^/api/v1").get_all_operations():
        operation = found.ok()

        @settings(max_examples=30, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck])
        @given(case=operation.as_strategy(), is_known=st.booleans())
        def probe(case: schemathesis.Case, is_known: bool) -> None:
            if is_known and "incident" in case.path_parameters:
                case.path_parameters["incident"] = incident
            case.call_and_validate(headers=headers)
            tried[case.operation.label] = tried.get(case.operation.label, 0) + 1

        probe()
    assert len(tried) >= 20, tried
    assert sum(tried.values()) >= 20 * len(tried) / 2
