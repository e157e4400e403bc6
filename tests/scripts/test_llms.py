"""`llms.txt`: every page is in it, by its own title and first sentence, and it is in step with the pages."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def llms(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.delitem(sys.modules, "llms", raising=False)
    return importlib.import_module("llms")


def _checkout(root: Path) -> Path:
    (root / "docs" / "rules").mkdir(parents=True)
    (root / "README.md").write_text("# thing\n\nIt does [one](x.md) thing. And another.\n")
    (root / "docs" / "usage.md").write_text(
        "# Usage\n\n<!-- Made by a program. -->\n\n| a | b |\n|---|---|\n\n`thing` runs it: then it waits.\n"
    )
    (root / "docs" / "rules" / "T001.md").write_text("# T001 late\n\nIt comes late.\n")
    for name in ("ARCHITECTURE.md", "CONTRIBUTING.md"):
        (root / name).write_text("# Title\n\n- only a list\n")
    return root


def test_each_page_has_a_line_with_its_title_and_first_sentence(llms: ModuleType, tmp_path: Path) -> None:
    lines = llms.text(_checkout(tmp_path)).splitlines()
    assert "- [thing](README.md): It does one thing." in lines
    assert "- [Usage](docs/usage.md): `thing` runs it: then it waits." in lines
    assert "- [T001 late](docs/rules/T001.md): It comes late." in lines
    assert "- [Title](ARCHITECTURE.md)" in lines


def test_every_page_of_ours_is_in_it(llms: ModuleType) -> None:
    listed = llms.text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in listed
        assert (ROOT / "docs" / page.name).read_text().startswith("# "), f"{page.name} begins without a title"
