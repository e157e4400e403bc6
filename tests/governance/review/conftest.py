"""Lets the tests of reviews import their neighbours; a ledger with three weeks of traffic."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paceline.ledger import Ledger

sys.path.insert(0, str(Path(__file__).parent))

from case import Case


@pytest.fixture
def case(ledger: Ledger, tmp_path: Path) -> Case:
    """The rich case, up to the end of its first week: see `case`."""
    made = Case(ledger)
    made.begin(tmp_path / "journal")
    return made
