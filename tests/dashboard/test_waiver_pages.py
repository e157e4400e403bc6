"""A waiver's life in the browser's forms: asked for from an incident, approved, denied, revoked, by who may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from tests.dashboard.test_pages import OVER, Words, client, control

from paceline.gateway.control import Control

__all__ = ["client", "control"]

FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html", "sec-fetch-site": "same-origin"}
ASKED = "service=helpdesk&use_case=support-chat&limit=ttft+p95&days=30&reason=the+provider+changes"


@pytest.fixture
def as_(client: TestClient, control: Control) -> Callable[..., TestClient]:
    def signed(role: str, name: str, team: str = "") -> TestClient:
        token, _ = control.ledger.tokens.create(role, name, team=team)
        client.cookies.set("paceline_token", token)
        return client

    return signed


def test_the_list_says_what_needs_somebody(client: TestClient) -> None:
    text = Words(client.get("/waivers").text).text
    assert "forum: every limit ending" in text
    assert "13 days left moving dana lee support" in text
    assert "agent: rule G204" in text
    lines = client.get("/waivers.csv").text.splitlines()
    assert lines[0] == "id,state,scope,owner,reason,requester,approver,starts,ends,days_left"
    assert len(lines) == 4


def test_a_viewer_is_told_who_may_ask(client: TestClient) -> None:
    text = Words(client.get(f"/waivers/request?incident={OVER}").text).text
    assert "Sign in as the service's team or an admin to ask" in text
    refused = client.post("/waivers", content=ASKED, headers=FORM)
    assert (refused.status_code, refused.headers["location"]) == (303, "/sign-in?to=/waivers")


def test_it_is_asked_for_from_an_incident_and_decided_by_another(
    as_: Callable[..., TestClient], control: Control
) -> None:
    kim = as_("owner", "kim", "support")
    assert "Ask for a waiver" in kim.get(f"/incidents/{OVER}").text
    form = kim.get(f"/waivers/request?incident={OVER}").text
    for chosen in ("<option selected>helpdesk", "<option selected>support-chat", "<option selected>ttft p95"):
        assert chosen in form
    answer = kim.post("/waivers", content=f"{ASKED}&incident={OVER}", headers=FORM)
    where = answer.headers["location"]
    assert (answer.status_code, where.startswith("/waivers/w_")) == (303, True)
    assert "asked for a waiver of ttft p95" in Words(kim.get(f"/incidents/{OVER}").text).text
    page = kim.get(where).text
    assert "Take it back" in page
    assert "Approve" not in page
    assert kim.post(f"{where}/approve", headers=FORM).status_code == 403, "an owner decides nothing"

    lee = as_("admin", "lee")
    assert "Approve" in lee.get(where).text
    assert lee.post(f"{where}/approve", headers=FORM).status_code == 303
    text = Words(lee.get(where).text).text
    assert "29 days left" in text
    assert f"Covers what is open: {OVER}" in text
    assert "lee approve: for 30 days" in text
    again = lee.post(f"{where}/deny", content="reason=no", headers=FORM)
    assert (again.status_code, "it is approved and cannot be denied" in again.text) == (409, True)
    assert lee.post(f"{where}/revoke", content="reason=over", headers=FORM).status_code == 303
    assert "revoked" in Words(lee.get(where).text).text
    assert control.ledger.waivers.get(where.rpartition("/")[2]).state == "revoked"  # type: ignore[union-attr]


def test_who_asked_does_not_approve(as_: Callable[..., TestClient]) -> None:
    lee = as_("admin", "lee")
    where = lee.post("/waivers", content=ASKED, headers=FORM).headers["location"]
    assert "Approve" not in lee.get(where).text
    refused = lee.post(f"{where}/approve", headers=FORM)
    assert (refused.status_code, "lee asked for it and cannot approve it" in refused.text) == (409, True)
    assert as_("admin", "dana").post(f"{where}/deny", content="reason=not+now", headers=FORM).status_code == 303


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("service=helpdesk&days=900&reason=x", 409, "900 days are not allowed: ask for 1 to 90"),
        ("service=helpdesk&days=many&reason=x", 409, "is no number of days"),
        (f"service=helpdesk&days={'9' * 5_000}&reason=x", 409, "is no number of days"),
        ("service=helpdesk&days=7&reason=+", 409, "there is no reason"),
        ("service=nothing&days=7&reason=x", 409, "it names no service"),
        ("service=agent&days=7&reason=x", 403, "agent belongs to lab"),
        ("service=helpdesk&limit=ttft+p42&days=7&reason=keep+me", 409, "is no limit of support-chat"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_stays(
    as_: Callable[..., TestClient], content: str, code: int, said: str
) -> None:
    answer = as_("owner", "kim", "support").post("/waivers", content=content, headers=FORM)
    assert (answer.status_code, said in Words(answer.text).text) == (code, True)
    if "keep+me" in content:
        assert ">keep me</textarea>" in answer.text


def test_nothing_else_can_be_done_to_one(as_: Callable[..., TestClient]) -> None:
    lee = as_("admin", "lee")
    assert lee.post("/waivers/w_none/approve", headers=FORM).status_code == 404
    assert lee.post("/waivers/file:0/approve", headers=FORM).status_code == 404
    assert "stands in the standards file" in lee.get("/waivers/file:0").text
    assert lee.get("/waivers/w_none").status_code == 404
