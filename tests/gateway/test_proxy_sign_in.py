"""People whom a reverse proxy names: who is believed, from where, as what; and that it is off unless it is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.gateway.test_control import LOOPBACK, STANDARDS, until

from paceline.gateway.control import Control, opened
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir

PROXY, ELSEWHERE = ("10.0.0.5", 40_000), ("10.0.0.6", 40_000)
SIGN_IN = """\
sign_in: {proxies: [10.0.0.5, "fd00::/64"], owners: {support-leads: support, sre: support}, admins: [platform],
          viewers: [engineering]}
"""


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "paceline.yaml").write_text(STANDARDS + SIGN_IN)
    with opened(DataDir(folder / "data"), folder / "paceline.yaml", LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        made.needs_key = True  # as when others can connect
        yield made


def asked(control: Control, peer: tuple[str, int], user: str, groups: str = "") -> TestClient:
    headers = {"accept": "text/html", "x-forwarded-user": user, "x-forwarded-groups": groups}
    return TestClient(
        application(control),
        base_url="http://paceline.acme.example",
        headers=headers,
        client=peer,
        follow_redirects=False,
    )


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("engineering", "dana<br>"),
        ("support-leads", "dana, owner<br>"),
        ("sre|support-leads", "dana, owner<br>"),
        ("engineering, platform", "dana, admin<br>"),
    ],
)
def test_groups_become_roles(control: Control, groups: str, said: str) -> None:
    answer = asked(control, PROXY, "dana", groups).get("/classes")
    assert answer.status_code == 200
    assert said in answer.text
    assert "Sign out" not in answer.text, "signing out is the proxy's affair"


@pytest.mark.parametrize(
    ("peer", "user", "groups"),
    [
        (ELSEWHERE, "dana", "platform"),
        (("testclient", 1), "dana", "platform"),
        (PROXY, "", "platform"),
        (PROXY, "dana", ""),
        (PROXY, "dana", "platformers"),
        (("fd01::1", 1), "dana", "platform"),
    ],
)
def test_nobody_else_is_believed(control: Control, peer: tuple[str, int], user: str, groups: str) -> None:
    answer = asked(control, peer, user, groups).get("/classes")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?to=/classes")


def test_a_network_may_be_trusted(control: Control) -> None:
    assert asked(control, ("fd00::7", 1), "dana", "engineering").get("/classes").status_code == 200


def test_a_forwarded_address_is_not_the_peer(control: Control) -> None:
    client = asked(control, ELSEWHERE, "dana", "platform")
    assert client.get("/classes", headers={"x-forwarded-for": "10.0.0.5"}).status_code == 303


def test_it_counts_for_pages_only_and_forms_of_this_site(control: Control) -> None:
    client = asked(control, PROXY, "lee", "platform")
    assert client.get("/api/status").status_code == 401
    assert client.post("/api/v1/tokens", json={"role": "admin", "name": "x"}).status_code == 401
    form = {"content-type": "application/x-www-form-urlencoded"}
    wanted = "service=helpdesk&limit=ttft+p95&days=7&reason=moving"
    foreign = client.post("/waivers", content=wanted, headers={**form, "sec-fetch-site": "cross-site"})
    assert (foreign.status_code, control.ledger.waivers.list()) == (403, [])
    own = client.post("/waivers", content=wanted, headers={**form, "sec-fetch-site": "same-origin"})
    assert own.status_code == 303
    (waiver,) = control.ledger.waivers.list()
    assert waiver.requester == "lee"


def test_an_owner_by_proxy_acts_for_its_team_only(control: Control) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    viewer = asked(control, PROXY, "sam", "engineering")
    refused = viewer.post("/waivers", content="service=helpdesk&days=7&reason=x", headers=form)
    assert refused.status_code == 403
    owner = asked(control, PROXY, "kim", "support-leads")
    assert owner.post("/waivers", content="service=helpdesk&days=7&reason=x", headers=form).status_code == 303


def test_the_token_is_for_tls_only_behind_a_proxy_that_speaks_it(control: Control) -> None:
    token, _ = control.ledger.tokens.create("viewer", "sam")
    form = {"content-type": "application/x-www-form-urlencoded", "x-forwarded-proto": "https"}
    answer = asked(control, PROXY, "").post("/sign-in", content=f"token={token}", headers=form)
    assert "Secure" in answer.headers["set-cookie"]
    answer = asked(control, ELSEWHERE, "").post("/sign-in", content=f"token={token}", headers=form)
    assert "Secure" not in answer.headers["set-cookie"]


def test_it_is_off_unless_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "paceline.yaml").write_text(STANDARDS)
    with opened(DataDir(tmp_path / "data"), tmp_path / "paceline.yaml", LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        made.needs_key = True
        answer = asked(made, ("127.0.0.1", 1), "dana", "platform").get("/classes")
        assert answer.status_code == 303
