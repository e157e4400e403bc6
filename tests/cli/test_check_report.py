"""`paceline check --report-to`: counts, no code and no paths, to a real control process; and what may go wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import uvicorn
from click.testing import CliRunner, Result
from tests.gateway.test_control import LOOPBACK, STANDARDS, until

from paceline.cli.check import command
from paceline.cli.check_report import document
from paceline.gateway.control import Control, opened
from paceline.gateway.control_api import application
from paceline.gateway.data_dir import DataDir
from paceline.ledger.lint import RuleCounts
from paceline.lint.findings import Finding
from paceline.lint.output import View
from paceline.lint.run import Outcome

APP = """\
from openai import OpenAI

secret_name = OpenAI(timeout=3, base_url="http://localhost:4100/t/a/b/v1")
secret_name.chat.completions.create(model=M)
secret_name.chat.completions.create(model=M)  # paceline: ignore[C201] reason="secret reason"
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Control, str]]:
    folder = tmp_path_factory.mktemp("report")
    (folder / "paceline.yaml").write_text(STANDARDS)
    with opened(DataDir(folder / "data"), folder / "paceline.yaml", LOOPBACK) as control:
        until(lambda: control.planner.state.wanted)
        config = uvicorn.Config(application(control), port=0, log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield control, f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PACELINE_TOKEN", raising=False)
    monkeypatch.setenv("GITHUB_SHA", "abc123")
    (tmp_path / "secret_file.py").write_text(APP)
    return tmp_path


def check(*arguments: str) -> Result:
    result = CliRunner().invoke(command, ["--select", "C201", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.usefixtures("here")
def test_the_counts_reach_the_ledger(running: tuple[Control, str]) -> None:
    control, url = running
    token = control.ledger.tokens.create("owner", "ci", team="support")[0]
    result = check("--report-to", url, "--service", "helpdesk", "--token", token)
    assert result.exit_code == 1, "a report does not change what fails"
    assert f"reported helpdesk to {url}" in result.stderr
    state = control.ledger.lint.latest()["helpdesk"]
    assert (state.errors, state.pragmas, state.revision, state.actor, state.files) == (1, 1, "abc123", "ci", 1)
    assert state.rules == {"C201": RuleCounts(live=1, pragma=1)}


@pytest.mark.usefixtures("here")
def test_what_goes_wrong_is_told_with_its_fix(running: tuple[Control, str]) -> None:
    control, url = running
    editor = control.ledger.tokens.create("owner", "kim", team="editor")[0]
    admin = control.ledger.tokens.create("admin", "lee")[0]
    service = ("--service", "helpdesk")
    for arguments, wrong in (
        (("--report-to", url), "--service NAME"),
        (("--report-to", url, *service), "paceline tokens create"),
        (("--report-to", url, *service, "--token", editor), "an admin's"),
        (("--report-to", url, "--service", "nothing", "--token", admin), "--service"),
        (("--report-to", "ftp://x", *service), "is no address"),
        (("--report-to", "http://x y", *service), "is no address"),
        (("--report-to", url, *service, "--token", "pt-secret\nx"), "as it was printed"),
        (("--report-to", "http://127.0.0.1:9", *service), "cannot be reached"),
    ):
        result = check(*arguments)
        assert result.exit_code == 2
        assert wrong in result.stderr
        assert "Traceback" not in result.stderr
        assert "pt-secret" not in result.output


@pytest.mark.usefixtures("here")
def test_a_token_that_ends_with_a_newline_is_taken(running: tuple[Control, str]) -> None:
    control, url = running
    token = control.ledger.tokens.create("admin", "lee")[0]
    assert "reported helpdesk" in check("--report-to", url, "--service", "helpdesk", "--token", f"{token}\n").stderr


@pytest.mark.usefixtures("here")
def test_what_is_asked_for_in_vain_is_told_before_the_run() -> None:
    assert check("--report-to", "nowhere", "--service", "helpdesk").stdout == ""


class Elsewhere(BaseHTTPRequestHandler):
    """Answers as a page to log in at does, and notes what came."""

    seen: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(302)
        self.send_header("location", "/login")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.mark.usefixtures("here")
def test_no_redirect_is_followed_with_the_token() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        result = check("--report-to", url, "--service", "helpdesk", "--token", "pt-secret")
        server.shutdown()
        thread.join()
    assert result.exit_code == 2
    assert "redirects are not followed" in result.stderr
    assert Elsewhere.seen == []


def test_neither_code_nor_paths_are_in_it(here: Path) -> None:
    result = check("--format", "json")
    assert "secret" in result.stdout
    rows = json.loads(result.stdout)["findings"]
    names = [name for name in Finding.__match_args__ if name in rows[0] and name != "fix"]
    found = [Finding(**{name: row[name] for name in names}) for row in rows]
    assert "secret" not in json.dumps(document(View(Outcome(findings=found), here), "helpdesk"))
