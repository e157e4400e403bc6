"""The keys of a first start: shown whatever else goes wrong, and what goes wrong said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.gateway.test_control import STANDARDS

from paceline.gateway.data_dir import DataDir
from paceline.gateway.first_start import FirstStartError, first_start, make_keys
from paceline.ledger import open_ledger


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    path = tmp_path / "paceline.yaml"
    path.write_text(STANDARDS)
    return path


def test_keys_are_made_once_and_the_plan_is_there(tmp_path: Path, standards: Path) -> None:
    data = DataDir(tmp_path / "data")
    first = first_start(data, standards)
    assert (first.service, first.use_case, first.note) == ("helpdesk", "support-chat", "")
    assert first.admin_key
    assert first.service_key
    assert data.plan.exists()
    again = first_start(data, standards)
    assert (again.admin_key, again.service_key) == (None, None)


def test_keys_are_shown_even_where_the_plan_cannot_be_written(tmp_path: Path, standards: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.ensure()
    data.plan.mkdir()  # what cannot be replaced by a file
    first = make_keys(data, standards)
    assert first.admin_key
    assert first.service_key
    assert first.note.startswith("the plan could not be written yet: ")
    with open_ledger(data.path) as ledger:
        assert [key.service for key in ledger.keys.list()] == ["helpdesk"]


def test_a_ledger_that_cannot_be_opened_is_said_in_one_line(
    tmp_path: Path, standards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACELINE_LEDGER__URL", "mysql://there/acme")
    with pytest.raises(FirstStartError, match="the ledger runs on SQLite files and PostgreSQL") as error:
        first_start(DataDir(tmp_path / "data"), standards)
    assert "Traceback" not in error.value.wrong
    assert error.value.fix
