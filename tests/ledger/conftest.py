"""A journal for the tests of the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal directory, not made yet."""
    return tmp_path / "journal"
