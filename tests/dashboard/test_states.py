"""What pages say when there is nothing yet, when figures lag, when something is broken, when an address is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.dashboard.test_pages import Words, control
from tests.gateway.test_control import LOOPBACK, STANDARDS, until

from paceline.dashboard import NotYetError, Sources
from paceline.gateway.control import Control, opened
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir
from paceline.ledger import Ledger, LedgerError
from paceline.ledger.lint import LintState, RuleCounts

__all__ = ["control"]

HTML = {"accept": "text/html"}


def browser(control: Control) -> TestClient:
    return TestClient(application(control), base_url="http://127.0.0.1:4101", headers=HTML, follow_redirects=False)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Control]:
    """A control process whose one service has never called."""
    (tmp_path / "paceline.yaml").write_text(STANDARDS)
    with opened(DataDir(tmp_path / "data"), tmp_path / "paceline.yaml", LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        yield made


def test_a_service_without_traffic_shows_the_two_lines_that_adopt_the_gateway(fresh: Control) -> None:
    text = Words(browser(fresh).get("/services/helpdesk").text).text
    assert "No request in the last 24 hours." in text
    assert "/t/helpdesk/support-chat/v1" in text
    assert "paceline keys create --service helpdesk" in text


def test_figures_that_lag_say_so_on_every_page(fresh: Control) -> None:
    for loop in fresh.loops:
        loop.stop()
    ingest = next(loop for loop in fresh.loops if loop.name == "ingest")
    ingest.done_at, ingest.fault = time.time() - 200, "LedgerUnreachableError: the disk is full"
    for address in ("/", "/services/helpdesk", "/requests", "/spend"):
        text = Words(browser(fresh).get(address).text).text
        assert "Figures are behind: usage was last taken in 3 minutes ago (LedgerUnreachableError: the disk is" in text


def test_figures_that_take_long_come_by_themselves(fresh: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any) -> Any:
        raise NotYetError("attained")

    monkeypatch.setattr(Sources, "made", slow)
    answer = browser(fresh).get("/")
    assert (answer.status_code, answer.headers["refresh"]) == (202, "2")
    assert "The figures are being added up" in answer.text
    csv = browser(fresh).get("/overview.csv", headers={"accept": "text/csv"})
    assert (csv.status_code, csv.headers["retry-after"]) == (503, "2")


def test_a_ledger_that_cannot_be_read_is_said_without_a_trace(fresh: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise LedgerError("could not read the ledger: the disk is gone")

    monkeypatch.setattr(Ledger, "attainment", broken)
    answer = browser(fresh).get("/")
    text = Words(answer.text).text
    assert answer.status_code == 503
    assert "The ledger cannot be read now could not read the ledger: the disk is gone. The gateway goes on" in text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("/?range=2d", "range: Input should be '1h', '24h', '7d' or '28d'"),
        ("/?since=0001-01-01T00:00%2B14:00&until=0001-01-02", "`since` is before 1970: write 2026-11-23"),
        ("/spend?month=0001-01", "`month` is no month: write 2026-11"),
        ("/?since=tomorrow", "`since` is no time: write 2026-11-23 or 2026-11-23T14:05"),
        ("/requests?over=ttft.p95", "there is no limit ttft.p95: write one as ttft_ms.p95"),
        ("/requests?before=0", "`before` is no place between requests"),
    ],
)
def test_an_address_that_is_not_understood_says_what_to_write(fresh: Control, address: str, wrong: str) -> None:
    answer = browser(fresh).get(address)
    assert (answer.status_code, wrong in Words(answer.text).text) == (422, True)
    as_program = browser(fresh).get(address, headers={"accept": "application/json"})
    assert (as_program.status_code, "detail" in as_program.json()) == (422, True)


def test_what_is_wrong_is_said_to_who_asked(control: Control) -> None:
    token, _ = control.ledger.tokens.create("owner", "noor", team="support")
    client = browser(control)
    client.cookies.set("paceline_token", token)
    answer = client.get("/incidents/none")
    assert (answer.status_code, "noor, owner" in Words(answer.text).text) == (404, True)
    assert "Sign in to act" not in answer.text


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/incidents?state=ended", 'name="state" value="ended"'),
        ("/live?kind=bad", 'name="kind" value="bad"'),
        ("/spend?month=2026-01", 'name="month" value="2026-01"'),
    ],
)
def test_a_filter_keeps_what_else_the_address_says(control: Control, address: str, kept: str) -> None:
    form = browser(control).get(address).text.partition('<form class="filters"')[2].partition("</form>")[0]
    assert kept in form


def test_money_leads_to_the_rows_of_its_month(control: Control) -> None:
    month = time.strftime("%Y-%m-01", time.gmtime())
    assert f"/requests?service=helpdesk&amp;since={month}" in browser(control).get("/spend").text


def test_the_rows_behind_a_figure_are_as_many_as_it_says(control: Control) -> None:
    client = browser(control)
    page = client.get("/services/helpdesk?range=28d").text
    assert "/requests?service=helpdesk&amp;use_case=support-chat&amp;over=ttft_ms.p95&amp;range=28d" in page
    ids, before = [], ""
    while True:
        query = f"service=helpdesk&range=28d&over=ttft_ms.p95&before={before}"
        lines = client.get(f"/requests.csv?{query}").text.splitlines()
        ids += [line.partition(",")[0] for line in lines[1:]]
        older = client.get(f"/requests?{query}").text.partition('rel="next" href="')[2].partition('"')[0]
        if not older or len(lines) < 1_001:
            break
        before = older.partition("before=")[2].partition("&")[0]
    row = next(one for one in control.ledger.attainment(0, time.time(), piece=1_440) if one.service == "helpdesk")
    assert row.worst is not None
    assert len(set(ids)) == row.worst.over


def test_a_service_shows_what_the_linter_said_of_its_code(control: Control) -> None:
    counts = (61, 12, 60, 4, 1, 2, 0, 1, 3)
    rules = {"C201": RuleCounts(2, 1, 0)}
    control.ledger.lint.put(LintState("forum", int(time.time() * 1e6), "9f31c02", "0.1.0", "ci", *counts, rules))
    text = Words(browser(control).get("/services/forum?range=28d").text).text
    assert "Its code, by the linter 9f31c02" in text
    assert "C201 2 1 0" in text


def test_static_files_are_kept_for_good_and_compressed(control: Control) -> None:
    client = browser(control)
    page = client.get("/").text
    for address in {part.partition('"')[0] for part in page.split('"')[1:] if part.startswith("/static/")}:
        answer = client.get(address, headers={"accept-encoding": "gzip"})
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        assert client.get(address, headers={"accept-encoding": "identity"}).content == answer.content
    assert client.get("/static/paceline-00000000.css").status_code == 404
