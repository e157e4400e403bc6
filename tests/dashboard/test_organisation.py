"""Teams, budgets, standards, spend and the gateway over three weeks of traffic: what they say, and their CSV."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient
from tests.dashboard.test_pages import Words, client, control

from paceline.gateway.control import Control

__all__ = ["client", "control"]


def table(client: TestClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_teams_say_how_their_services_stand(client: TestClient) -> None:
    rows = {row["name"]: row for row in table(client, "/teams.csv?range=28d")}
    assert set(rows) == {"support", "editor", "lab", "nobody"}
    assert (rows["support"]["services"], rows["support"]["over"]) == ("2", "2")
    text = Words(client.get("/teams?range=28d").text).text
    assert "support #support" in text
    assert text.index("support #support") < text.index("lab #lab"), "most over budget first"


def test_a_team_has_its_budgets_scorecards_and_money(client: TestClient) -> None:
    text = Words(client.get("/teams/support?range=28d").text).text
    assert "hears of no incident: it has no channel" in text
    assert "helpdesk support-chat" in text
    assert "editor-plugin" not in text
    assert "Scorecards" in text
    assert client.get("/teams/nothing").status_code == 404
    assert "ghost" in client.get("/teams/nobody?range=28d").text


def test_budgets_have_their_sources_in_words(client: TestClient) -> None:
    text = Words(client.get("/classes").text).text
    assert "Used by support-chat ( helpdesk , forum )" in text
    assert "MLPerf Inference" in text
    assert "95 of 100 requests: time to first token at most 10 s" in text
    assert "ttft p95 800 ms 95 of 100 requests: time to first token at most 800 ms use case support-chat" in text
    rows = table(client, "/classes.csv")
    assert {"kind": "use case", "name": "support-chat", "limit": "ttft p95", "value": "800 ms"}.items() <= {
        **next(row for row in rows if row["name"] == "support-chat")
    }.items()
    assert all(row["source"] for row in rows)


def test_standards_are_readable_and_have_a_history(client: TestClient, control: Control) -> None:
    text = Words(client.get("/standards").text).text
    assert "ttft p95 800 ms" in text
    assert "The first that is known." in text
    (revision,) = control.ledger.plans.history()
    assert "It is the first plan that is known" in client.get(f"/standards/{revision.hash8}").text
    assert client.get("/standards/0000").status_code == 404


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("service", {"agent", "helpdesk", "forum", "editor-plugin", "ghost"}),
        ("team", {"lab", "support", "editor", "nobody"}),
        ("model", {"small"}),
    ],
)
def test_a_month_is_the_same_money_however_it_is_added_up(client: TestClient, by: str, names: set[str]) -> None:
    rows = table(client, f"/spend.csv?by={by}&month=2026-11")
    assert {row["name"] for row in rows} == names
    whole = sum(float(row["spent"]) for row in table(client, "/spend.csv?month=2026-11"))
    assert sum(float(row["spent"]) for row in rows) == pytest.approx(whole)
    assert all(row["coverage"] for row in rows)


def test_spend_says_how_much_of_it_is_known(client: TestClient) -> None:
    text = Words(client.get("/spend?month=2026-11").text).text
    assert "Spend in November 2026" in text
    assert "over budget" in text
    assert "92 % of calls priced" in text, "the forum's prices are not all known"
    assert "helpdesk" not in table(client, "/spend.csv?month=2026-11&team=lab")[0].values()
    days = table(client, "/spend/days.csv?month=2026-11")
    assert {row["day"] for row in days} >= {"2026-11-03", "2026-11-22"}
    assert "Nothing was spent in January 2026" in client.get("/spend?month=2026-01").text
    assert client.get("/spend?month=winter").status_code == 422


def test_the_gateway_says_what_it_adds_and_what_does_not_answer(client: TestClient) -> None:
    text = Words(client.get("/gateway?range=28d").text).text
    assert "The gateway does not answer" in text
    assert "Loops of the control process" in text
    rows = table(client, "/gateway/overhead.csv?range=28d")
    assert len(rows) > 50
    assert all(30 < float(row["us_p50"]) <= float(row["us_p99"]) < 110 for row in rows)
