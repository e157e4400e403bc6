"""`paceline export` as its users meet it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.exports.conftest import TEXT

from paceline.cli.export import command
from paceline.exports.focus_check import check
from paceline.ledger import open_ledger


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "paceline.yaml").write_text(TEXT)
    return tmp_path


def run(place: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--standards", str(place / "paceline.yaml")])


@pytest.mark.parametrize("form", ["prometheus", "openslo"])
def test_standards_go_to_standard_output_or_into_a_file(place: Path, form: str) -> None:
    printed = run(place, form)
    assert printed.exit_code == 0
    assert run(place, form, "-o", str(place / "made")).stdout == ""
    assert (place / "made").read_text() == printed.stdout
    assert printed.stdout.startswith(f"# Made by `paceline export {form}`")


def test_a_file_is_written_over_only_when_told_to(place: Path) -> None:
    boards = place / "boards"
    for form, target, told in (
        (["openslo"], place / "made", place / "made"),
        (["grafana"], boards, boards / "paceline-models.json"),
        (["prometheus"], place / "paceline.yaml", place / "paceline.yaml"),
    ):
        told.parent.mkdir(exist_ok=True)
        told.write_text(before := TEXT)
        refused = run(place, *form, "-o", str(target))
        assert (refused.exit_code, told.read_text()) == (2, before)
        assert f"{told} is there already." in refused.stderr
        assert "--overwrite" in refused.stderr
        assert run(place, *form, "-o", str(target), "--overwrite").exit_code == 0
        assert told.read_text() != before
        (place / "paceline.yaml").write_text(TEXT)
    assert run(place, "openslo", "-o", "/dev/null").exit_code == 0
    assert not list(place.rglob("*.part"))


def test_what_is_left_out_is_said_on_standard_error(place: Path) -> None:
    assert "left out: night_digest: job_age p99 24 h: there is no histogram of it" in run(place, "prometheus").stderr


def test_boards_go_into_a_folder_or_one_to_standard_output(place: Path) -> None:
    assert run(place, "grafana", "-o", str(place / "new" / "boards")).stdout == ""
    written = {file.name: file.read_text() for file in (place / "new" / "boards").iterdir()}
    assert sorted(written) == [f"paceline-{name}.json" for name in ("gateway", "models", "overview", "service")]
    assert run(place, "grafana", "models").stdout == written["paceline-models.json"]
    assert "name a folder with -o" in run(place, "grafana").stderr
    (place / "file").write_text("")
    assert "cannot be written" in run(place, "grafana", "-o", str(place / "file" / "boards")).stderr


def test_ledger_exports_have_their_head_before_there_is_traffic(place: Path) -> None:
    open_ledger(_made(place / ".paceline")).close()
    focus = run(place, "focus")
    assert check(focus.stdout.splitlines()) == []
    assert "No cost from " in focus.stderr
    csv = run(place, "csv", "--since", "1h", "--service", "helpdesk")
    assert csv.stdout.startswith("id,start_us,")
    assert csv.stderr == "No requests of helpdesk in this time.\n"


@pytest.mark.parametrize("form", ["focus", "csv"])
def test_without_a_data_directory_it_says_so_and_makes_none(place: Path, form: str) -> None:
    done = run(place, form)
    assert done.exit_code == 2
    assert "there is no data directory" in done.stderr
    assert not (place / ".paceline").exists()


def test_trouble_is_said(place: Path) -> None:
    assert "cannot be written" in run(place, "openslo", "-o", str(place / "no" / "file")).stderr
    assert "--link is no http(s) address" in run(place, "prometheus", "--link", "paceline").stderr
    (place / "paceline.yaml").write_text("version: 2\n")
    assert "has faults" in run(place, "openslo").stderr


def _made(path: Path) -> Path:
    path.mkdir()
    return path
