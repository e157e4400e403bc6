"""Rows for the tests of signals, and what looks find in them; lets the tests import their neighbours."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from paceline.governance.incidents.signal import LookAt, Signal
from paceline.ledger import Ledger

sys.path.insert(0, str(Path(__file__).parent))

from ledger_rows import NOW, Rows
from standards_file import standards

Find = Callable[..., Signal | None]


@pytest.fixture
def rows(ledger: Ledger) -> Rows:
    """What writes into an empty ledger."""
    return Rows(ledger)


@pytest.fixture
def find(ledger: Ledger) -> Find:
    """Return what a look found of a kind: `find(look, kind, service=…)`; None for nothing."""
    rules = standards()

    def found(look: LookAt, kind: str, *, service: str = "helpdesk", measure: str | None = None) -> Signal | None:
        signals = look(ledger, rules, NOW)
        keys = [(each.kind, each.service, each.use_case, each.measure) for each in signals]
        assert len(set(keys)) == len(keys), "a subject has one signal"
        mine = [each for each in signals if (each.kind, each.service) == (kind, service)]
        mine = [each for each in mine if measure is None or each.measure == measure]
        assert len(mine) <= 1
        return mine[0] if mine else None

    return found
