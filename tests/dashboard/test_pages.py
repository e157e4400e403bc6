"""Every page over a real ledger: what it says, who may act, forms of other sites, empty and broken states."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.gateway.test_control import LOOPBACK, STANDARDS, until

from paceline.gateway.control import Control, opened
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir
from paceline.gateway.pages.site import PAGES
from paceline.governance.waivers.deciding import Request, approve, request
from paceline.ledger.events import Event

sys.path.insert(0, str(Path(__file__).parents[1] / "governance" / "review"))
from case import LAST, TEXT, Case, at

FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
OVER = "i_slow"


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """A control process over three weeks of traffic; it judges nothing itself, so that the pages stay the same."""
    folder = tmp_path_factory.mktemp("dashboard")
    (folder / "paceline.yaml").write_text(TEXT)
    with opened(DataDir(folder / "data"), folder / "paceline.yaml", LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        case = Case(made.ledger)
        case.begin(folder / "journal")
        made.ledger.events.add(Event(int(at(LAST, 10) * 1e6), "deploy", "build <41>", "helpdesk", link="https://ci/41"))
        number, _ = request(made.ledger, made.planner.standards, Request("forum", "moving", "dana", 14))  # type: ignore[arg-type]
        approve(made.ledger, made.planner.standards, number, "lee")  # type: ignore[arg-type]
        yield made


@pytest.fixture
def client(control: Control) -> TestClient:
    headers = {"accept": "text/html"}
    return TestClient(application(control), base_url="http://127.0.0.1:4101", headers=headers, follow_redirects=False)


class Words(HTMLParser):
    """What a reader of a page reads, and the addresses it leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.addresses: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.said += data.split()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_within = tag == "script" and not dict(attrs).get("src", "").startswith("/static/")  # type: ignore[union-attr]
        self.scripts += is_within or any(name.startswith("on") or name == "style" for name, _ in attrs)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action"}]

    @property
    def text(self) -> str:
        return " ".join(self.said)


ADDRESSES = [address for address, _ in PAGES]


@pytest.mark.parametrize("address", [*ADDRESSES, "/services/helpdesk?range=28d", f"/incidents/{OVER}", "/sign-in"])
def test_every_page_is_whole_and_has_no_script_within(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    words = Words(answer.text)
    assert words.scripts == 0
    assert "Acme <b>& Co</b>" in words.text, "names are escaped, not markup"
    assert answer.text.count("<h1") == 1
    assert len(answer.content) < 250_000
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("address", ["/?range=28d", "/incidents?state=all", "/services/helpdesk?range=28d", "/spend"])
def test_its_links_lead_somewhere(client: TestClient, address: str) -> None:
    own = [each for each in Words(client.get(address).text).addresses if each.startswith("/")]
    assert len(own) > 5
    assert [each for each in own if client.get(each).status_code not in {200, 303}] == []


def test_the_overview_has_the_worst_first_and_says_why(client: TestClient) -> None:
    rows = re.findall(
        r"<tr>\s*<th scope=\"row\" class=\"tight\"><a href=\"/services/([^\"?]+)", client.get("/?range=28d").text
    )
    assert rows[0] == "helpdesk"
    assert {"helpdesk", "forum", "editor-plugin", "agent", "ghost"} == set(rows)
    text = Words(client.get("/?range=28d").text).text
    assert "over budget 1 open TTFT p95" in text
    assert "nobody" in text, "ghost is not in the standards"


def test_filters_keep_what_they_name(client: TestClient) -> None:
    def shown(query: str) -> set[str]:
        return set(re.findall(r"<a href=\"/services/([^\"?]+)\?range", client.get(f"/?range=28d&{query}").text))

    assert shown("team=editor") == {"editor-plugin"}
    assert shown("search=HELP") == {"helpdesk"}
    assert shown("class=agent") == {"agent"}
    assert shown("team=editor&search=help") == set()
    assert "No service is left by these filters" in client.get("/?team=editor&search=help").text


def test_a_service_has_its_charts_events_and_what_to_do_next(client: TestClient) -> None:
    answer = client.get("/services/helpdesk?range=28d")
    text = Words(answer.text).text
    assert answer.text.count('class="chart"') >= 2
    assert "p95 limit" in text
    assert "deploy: build <41> more" in text
    assert "Scorecard:" in text
    assert "Next:" in text


def test_an_unknown_service_and_an_unknown_page_say_so(client: TestClient) -> None:
    answer = client.get("/services/nothing")
    assert (answer.status_code, "neither the standards nor the ledger know a service nothing" in answer.text) == (
        404,
        True,
    )
    assert client.get("/nothing").status_code == 404
    assert client.get("/nothing", headers={"accept": "application/json"}).json() == {"detail": "Not Found"}


def test_figures_come_as_csv(client: TestClient) -> None:
    lines = client.get("/overview.csv?range=28d").text.splitlines()
    assert lines[0].startswith("service,use_case,owner,class,phase,requests,limit,measured,share_over,")
    assert len(lines) == 7
    series = client.get("/services/helpdesk/series.csv?range=28d").text.splitlines()
    assert len(series) > 100


def test_reading_is_for_this_machine_and_acting_for_who_signed_in(client: TestClient, control: Control) -> None:
    where = f"/incidents/{OVER}"
    assert "Sign in" in client.get(where).text
    assert client.get("/", headers={"host": "evil.example"}).headers["location"] == "/sign-in?to=/"
    refused = client.post(f"{where}/notes", content="text=x", headers=FORM)
    assert (refused.status_code, refused.headers["location"]) == (303, f"/sign-in?to={where}")
    token, _ = control.ledger.tokens.create("owner", "dana", team="support")
    wrong = client.post("/sign-in", content="token=pt-none&to=/incidents", headers=FORM)
    assert (wrong.status_code, "No such token holds" in wrong.text, "set-cookie" in wrong.headers) == (403, True, False)
    signed = client.post("/sign-in", content=f"token={token}&to={where}", headers=FORM)
    assert (signed.status_code, signed.headers["location"]) == (303, where)
    cookie = signed.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    page = client.get(where)
    assert "Add the note" in page.text
    assert token not in page.text
    assert client.post(f"{where}/notes", content="text=rolled+back", headers=FORM).headers["location"] == where
    assert client.post(f"{where}/state", content="to=investigating", headers=FORM).status_code == 303
    text = Words(client.get(where).text).text
    assert "dana rolled back" in text
    assert "detected → investigating" in text
    again = client.post(f"{where}/state", content="to=triaged", headers=FORM)
    assert (again.status_code, "it is investigating already" in again.text) == (409, True)
    assert client.get("/sign-out").status_code == 303


def test_a_form_of_another_site_is_refused(client: TestClient, control: Control) -> None:
    token, _ = control.ledger.tokens.create("admin", "lee")
    client.cookies.set("paceline_token", token)
    where = f"/incidents/{OVER}/notes"
    origins = ("https://evil.example", "http://[", "null")
    for headers in ({"sec-fetch-site": "cross-site"}, *({"origin": origin} for origin in origins)):
        answer = client.post(where, content="text=x", headers={**FORM, **headers})
        assert (answer.status_code, "from another site" in answer.text) == (403, True)
    assert client.post(where, json={"text": "x"}).status_code == 409
    large = client.post(where, content="text=" + "x" * 70_000, headers=FORM)
    assert (large.status_code, "the form is too large" in large.text) == (409, True)
    assert client.post("/api/v1/incidents/i_slow/notes", json={"text": "x"}).status_code == 401, (
        "no cookie for programs"
    )
    own = {**FORM, "sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:4101"}
    assert client.post(where, content="text=seen", headers=own).status_code == 303


def test_a_team_acts_on_its_own(client: TestClient, control: Control) -> None:
    token, _ = control.ledger.tokens.create("owner", "kim", team="editor")
    client.cookies.set("paceline_token", token)
    assert "Add the note" not in client.get(f"/incidents/{OVER}").text
    refused = client.post(f"/incidents/{OVER}/notes", content="text=x", headers=FORM)
    assert (refused.status_code, "it belongs to support" in refused.text) == (403, True)


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t\\evil.example",
        "//[",
        "javascript:alert(1)",
        "",
    ],
)
def test_signing_in_leads_nowhere_else(client: TestClient, control: Control, to: str) -> None:
    token, _ = control.ledger.tokens.create("viewer", "sam")
    answer = client.post("/sign-in", content=f"token={token}&to={to}", headers=FORM)
    assert answer.headers["location"] == "/"


def test_an_empty_ledger_says_how_to_send_the_first_call(tmp_path: Path) -> None:
    (tmp_path / "paceline.yaml").write_text("version: 1\norganisation: New\n")
    with opened(DataDir(tmp_path / "data"), tmp_path / "paceline.yaml", LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        client = TestClient(application(made), base_url="http://127.0.0.1:4101", headers={"accept": "text/html"})
        home = Words(client.get("/").text).text
        assert "No service is known yet." in home
        assert "paceline keys create --service helpdesk" in home
        assert "The first call is here within a second." in home
        assert "The first call is here within a second." in Words(client.get("/live/rows").text).text
        for address in ADDRESSES:
            assert client.get(address).status_code == 200


def test_faults_of_the_standards_are_on_every_page(tmp_path: Path) -> None:
    path = tmp_path / "paceline.yaml"
    path.write_text(STANDARDS)
    with opened(DataDir(tmp_path / "data"), path, LOOPBACK) as made:
        until(lambda: made.planner.state.wanted)
        path.write_text(STANDARDS.replace("owner: support", "owner: suport"))
        until(lambda: made.planner.state.faults)
        client = TestClient(application(made), base_url="http://127.0.0.1:4101", headers={"accept": "text/html"})
        assert "not in force: see the page Gateway" in client.get("/spend").text
        text = Words(client.get("/gateway").text).text
        assert "services.helpdesk.owner, line 8: there is no team 'suport'" in text
