"""`paceline review`, on a real ledger with nothing running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paceline.cli.review import command

STANDARDS = """
version: 1
providers: {sim: {base_url: "http://127.0.0.1:4199/v1", key: env:A_KEY_THAT_IS_NOT_SET}}
models: {small: {deployments: [sim/small-8b]}}
use_cases: {support-chat: {class: chat, model: small}}
teams: {support: {}}
services: {helpdesk: {owner: support, use_cases: [support-chat]}}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound standards in an empty directory; a secret that is not set does not matter here."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paceline.yaml").write_text(STANDARDS)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_a_week_is_written_and_kept() -> None:
    done = run("--ending", "2026-11-22")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("# Review of the week of 16 to 22 November 2026\n\nNo request came")
    assert run("list").stdout.startswith("week-2026-11-16     16 to 22 November 2026        0 actions   written ")
    assert json.loads(run("list", "--format", "json").stdout)["reviews"][0]["id"] == "week-2026-11-16"


def test_a_month_goes_to_a_file_and_need_not_be_kept(tmp_path: Path) -> None:
    done = run("--period", "month", "--ending", "2026-10-31", "--format", "html", "--output", "r.html", "--no-save")
    assert done.stdout == "Wrote the review of October 2026 to r.html.\n"
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert run("list").stdout == "No review was kept yet: `paceline review` writes one.\n"


def test_json_is_json() -> None:
    assert json.loads(run("--ending", "2026-11-22", "--format", "json").stdout)["id"] == "week-2026-11-16"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ending", "22.11.2026"), "'22.11.2026' is not a day; write it like 2026-11-22"),
        (("--period", "year"), "'year' is not one of 'week', 'month'"),
        (("--output", "no/such/place.md"), "no/such/place.md cannot be written: No such file or directory"),
        (("--standards", "other.yaml"), "other.yaml"),
    ],
)
def test_a_refusal_says_what_to_do(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_faulty_standards_are_not_reviewed_by(tmp_path: Path) -> None:
    (tmp_path / "paceline.yaml").write_text("version: 1\nservices: {helpdesk: {}}\n")
    done = run()
    assert done.exit_code == 2
    assert "paceline validate" in done.stderr
