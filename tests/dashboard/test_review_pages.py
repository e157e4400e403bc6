"""The eleven tiles over three weeks of traffic, and reviews as they were written."""

from __future__ import annotations

import re
from datetime import date

import pytest
from fastapi.testclient import TestClient
from tests.dashboard.test_pages import Words, client, control

from paceline.gateway.control import Control
from paceline.governance.review import Period, Review, gather, rendered, span_ending, write_review

__all__ = ["client", "control"]

TILES = (
    *("Budget attainment", "p95 against its limit", "Error budgets left", "Incidents and regressions"),
    *("Why it is slower", "Spend against budgets", "The gateway's own time", "Cost of a successful call", "Waivers"),
    *("Can the figures be trusted", "Rollout"),
)


def test_there_are_eleven_tiles_and_each_says_something(client: TestClient) -> None:
    page = client.get("/reviews?range=28d").text
    titles = [Words(title).text for title in re.findall(r"<section.*?<h2>(.*?)</h2>", page, re.S)]
    assert tuple(titles) == TILES
    text = Words(page).text
    assert "2 of 4 budgets over" in text
    assert "overdrawn by" in text
    assert "92 %" in text, "the forum's coverage"
    assert "nobody" in text


def test_the_board_compares_with_the_time_before(client: TestClient) -> None:
    page = client.get("/reviews?since=2026-11-09&until=2026-11-16").text
    found = re.search(r'aria-label="before (\S+ %), now (\S+ %)"><line class="axis"', page)
    assert found is not None


def test_a_written_review_reads_as_it_was_written(client: TestClient, control: Control) -> None:
    standards = control.planner.standards
    assert standards is not None
    span = span_ending(Period.WEEK, date(2026, 11, 22))
    review = gather(control.ledger, standards, span)
    assert Review.of(review.document()) == review, "what was written is what is read"
    write_review(control.ledger, standards, Period.WEEK, date(2026, 11, 22), span.until)
    assert "Week of 2026-11-16 to 2026-11-22" in Words(client.get("/reviews").text).text
    answer = client.get("/reviews/week-2026-11-16")
    assert answer.text == rendered(review, "html")
    assert "script" not in answer.headers["content-security-policy"]
    assert client.get("/reviews/week-1999-01-01").status_code == 404


@pytest.mark.parametrize("range_", ["1h", "7d"])
def test_spans_without_traffic_are_no_fault(client: TestClient, range_: str) -> None:
    assert client.get(f"/reviews?range={range_}").status_code == 200
