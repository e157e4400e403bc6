"""Incidents in the list and one by one: filters, what is overdue, the course of the limit, how fast people were."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.dashboard.test_pages import OVER, Words
from tests.gateway.test_control import LOOPBACK, until

from paceline.dashboard import Sources
from paceline.dashboard.pages import incidents
from paceline.gateway.control import Control, opened
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir
from paceline.governance.incidents import acting
from paceline.governance.incidents.states import IncidentState, Reason

sys.path.insert(0, str(Path(__file__).parents[1] / "governance" / "review"))
from case import LAST, TEXT, Case, at

NOW = at(LAST, 12)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """Three incidents, of which one has ended; nothing judges here, for the plan is never in force."""
    folder = tmp_path_factory.mktemp("incidents")
    (folder / "paceline.yaml").write_text(TEXT)
    with opened(DataDir(folder / "data"), folder / "paceline.yaml", LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        case = Case(made.ledger)
        case.begin(folder / "journal")
        case.go_on()
        yield made


@pytest.fixture
def sources(control: Control) -> Sources:
    return Sources(control.ledger, lambda: control.planner.standards, dict, clock=lambda: NOW)


@pytest.fixture
def client(control: Control) -> TestClient:
    return TestClient(application(control), base_url="http://127.0.0.1:4101", headers={"accept": "text/html"})


def ids(sources: Sources, state: str, **chosen: str) -> set[str]:
    rows = incidents.listed(sources, state, dict(chosen))["rows"]
    return {row["incident"].id for row in rows} & {OVER, "i_dear", "i_tags"}


def test_filters_keep_what_they_name(sources: Sources) -> None:
    assert ids(sources, "open") == {"i_dear", "i_tags"}
    assert ids(sources, "ended") == {OVER}
    assert ids(sources, "all") == {OVER, "i_dear", "i_tags"}
    assert ids(sources, "open", team="lab") == {"i_dear"}
    assert ids(sources, "all", severity="page") == {OVER}
    assert ids(sources, "all", service="editor-plugin") == {"i_tags"}


def test_the_summary_counts_what_waits_and_how_fast_people_were(sources: Sources, control: Control) -> None:
    before = incidents.summary(sources, [incident(sources, number) for number in (OVER, "i_dear", "i_tags")])
    assert (before["open"], before["overdue"], before["ended"]) == (2, 1, 1)
    assert before["acknowledged_s"] is None, "nobody did anything yet"
    assert before["ended_s"] == pytest.approx((at(LAST.replace(day=17), 9) - at(LAST.replace(day=11), 8)) - 600)
    acting.note(control.ledger, "i_tags", "dana", "looking")
    acting.note(control.ledger, "i_tags", "kim", "me too")
    first = control.ledger.incidents.first_acts(0)
    assert set(first) == {"i_tags"}, "what nobody did is nobody's"
    after = incidents.summary(sources, [incident(sources, "i_tags")])
    assert after["acknowledged_s"] == pytest.approx(first["i_tags"] / 1e6 - (at(LAST.replace(day=21), 8) + 600))


def incident(sources: Sources, number: str) -> incidents.Incident:
    found = sources.ledger.incidents.get(number)
    assert found is not None
    return found[0]


def test_a_breach_shows_how_its_limit_went(sources: Sources) -> None:
    values = incidents.one(sources, OVER)
    assert values is not None
    course = values["course"]
    assert course.limit_values == (("allowed", 5.0),)
    assert [text for _, text in course.mark_values] == ["began", "detected"]
    shares = [share for _, share in course.lines[0].points if share is not None]
    assert max(shares) > 50
    assert incidents.one(sources, "i_dear")["course"] is None, "not of a limit"  # type: ignore[index]
    assert incidents.one(sources, "i_none") is None


def test_the_page_leads_to_the_requests_behind_it(client: TestClient) -> None:
    page = client.get(f"/incidents/{OVER}").text
    link = "/requests?service=helpdesk&amp;use_case=support-chat&amp;over=ttft_ms.p95&amp;since=2026-11-11T07%3A59Z"
    assert link in page
    rows = client.get("/requests.csv?service=helpdesk&over=ttft_ms.p95&since=2026-11-11&until=2026-11-12").text
    assert len(rows.splitlines()) > 3


def test_the_list_comes_as_csv(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/incidents.csv?team=support").text)))
    (slow,) = [row for row in rows if row["id"] == OVER]
    assert (slow["severity"], slow["reason"], slow["n"], slow["over"]) == ("page", "deploy", "200", "60")


def test_the_course_of_the_limit_comes_as_csv(client: TestClient, sources: Sources) -> None:
    address = f"/incidents/{OVER}/course.csv"
    assert address in client.get(f"/incidents/{OVER}").text
    rows = list(csv.DictReader(io.StringIO(client.get(address).text)))
    values = incidents.one(sources, OVER)
    assert values is not None
    drawn = [point for point in values["course"].lines[0].points if point[1] is not None]
    assert rows
    assert [(float(row["at"]), float(row["percent_over"])) for row in rows] == drawn
    assert client.get("/incidents/i_tags/course.csv").status_code == 404, "not of a limit"
    assert client.get("/incidents/i_nothing/course.csv").status_code == 404


def test_what_people_did_ends_it_and_is_told(client: TestClient, control: Control) -> None:
    acting.end(control.ledger, "i_tags", "dana", IncidentState.RESOLVED, reason=Reason.INSTRUMENTATION, text="tagged")
    text = Words(client.get("/incidents/i_tags").text).text
    assert "resolved: tagged" in text
    assert "End it" not in text
    assert client.get("/incidents?state=lost").status_code == 422
