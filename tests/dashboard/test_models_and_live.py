"""Models with their deployments, one request, and requests as they finish."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient
from tests.dashboard.test_pages import Words, client, control

from paceline.dashboard import Sources
from paceline.dashboard.pages import models
from paceline.dashboard.pages.live import MOST, Live
from paceline.gateway.control import Control
from paceline.ledger.recent import Seen

__all__ = ["client", "control"]


def test_a_model_has_its_deployments_traffic_and_users(client: TestClient) -> None:
    listed = Words(client.get("/models?range=28d").text).text
    assert "sim/small-8b not known" in listed, "no gateway answers"
    answer = client.get("/models/small?range=28d")
    text = Words(answer.text).text
    assert "sim/small-8b: time to first token" in text
    assert "helpdesk support-chat 630 24 %" in text
    lines = client.get("/models/first-token.csv?model=small&range=28d").text.splitlines()
    assert lines[0] == "deployment,at,requests,ttft_ms_p50,ttft_ms_p95"
    assert len(lines) > 50
    assert client.get("/models/nothing?range=28d").status_code == 404


def test_health_is_what_the_gateway_says(control: Control) -> None:
    said = {"name": "sim/a", "rests": None, "opened": 1, "ejected": 0, "first_token_ms_p50": 210, "waiting": [0, 0, 0]}
    said |= {"first_token_ms_p95": 480, "in_flight": 3, "refused_full": 2, "refused_too_late": 1}
    others = [{**said, "name": "sim/b", "waiting": [4, 0, 1]}, {**said, "name": "sim/c", "rests": "breaker_open"}]
    status = {"gateway": {"deployments": [said, *others]}}
    health = models.health_of(Sources(control.ledger, lambda: None, lambda: status))
    assert {name: (one.tone, one.words) for name, one in health.items()} == {
        "sim/a": ("good", "answers"),
        "sim/b": ("warn", "5 waiting"),
        "sim/c": ("bad", "passed over: breaker open"),
    }
    assert health["sim/a"].refused == 3


def test_one_request_says_where_its_time_went_and_has_no_text(client: TestClient, control: Control) -> None:
    row = control.ledger.recent.last()[0]
    text = Words(client.get(f"/requests/{row.id}").text).text
    assert f"{row.service} / {row.use_case}" in text
    assert "There is no prompt and no answer in it." in text
    assert client.get("/requests/00ff").status_code == 404
    assert client.get("/requests/not-hex").status_code == 404


def test_live_shows_the_last_ones_and_asks_again_by_itself(client: TestClient) -> None:
    page = client.get("/live")
    assert page.text.count('<a href="/requests/') == MOST
    assert 'hx-get="/live/rows?" hx-trigger="every 1s"' in page.text
    part = client.get("/live/rows?service=helpdesk").text
    assert "<html" not in part
    assert set(re.findall(r'<td class="tight">(\S+)<small>support-chat', part)) == {"helpdesk"}
    assert "every 1s" not in client.get("/live?paused=true").text
    assert 'class="badge good"' not in client.get("/live?kind=bad").text


def test_all_who_look_within_a_tick_get_the_same_packed_or_plain(client: TestClient) -> None:
    answers = [
        client.get("/live/rows?service=agent", headers={"accept-encoding": coding})
        for coding in ("identity", "gzip", "identity", "gzip")
    ]
    assert [answer.headers.get("content-encoding") for answer in answers] == [None, "gzip", None, "gzip"]
    assert len({answer.text for answer in answers}) == 1
    assert "agent" in answers[0].text


def test_rates_are_exact_counts_over_the_time_between_looks(control: Control) -> None:
    now = [100.0]
    sources = Sources(control.ledger, lambda: None, dict)
    live = Live(sources, lambda: now[0])
    assert live.values({}, is_paused=False)["rates"] is None, "one look is no rate"
    recent = control.ledger.recent
    before, now[0] = recent.seen(), 104.0
    recent._seen = Seen(
        before.n + 4_000,
        before.n_ok + 3_000,
        before.n_over + 400,
        before.tokens_output + 8_000,
        before.cost_nanousd + 4_000_000_000,
    )
    rates = live.values({}, is_paused=False)["rates"]
    recent._seen = before
    assert (rates.requests, rates.failed_share, rates.over_share, rates.tokens) == (1_000, 0.25, 0.1, 2_000)
    assert rates.usd_per_hour == 3_600
