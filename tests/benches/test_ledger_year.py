"""The generated ledger is one that readers, roll-up and retention take for their own.

Owns benches/ledger_year.py; how large it is and how fast it is read is for the bench to say.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from paceline.ledger import Keep, open_ledger

BENCHES = Path(__file__).resolve().parents[2] / "benches"


def test_a_generated_ledger_reads_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHES))
    filled = importlib.import_module("ledger_year").fill(tmp_path / "ledger.db", services=2, days=33, per_hour=30)
    since, end = filled.since * 60.0, filled.until * 60.0
    with open_ledger(f"sqlite:///{filled.path}") as ledger:
        hours = ledger.counts(end - 86_400, end, resolution=60, group=("service",))
        assert len(hours) == 2 * 24
        assert all(5 < row.n < 60 for row in hours)
        strata = list(ledger.strata(since, end))
        assert {row.minutes for row in strata} == {10, 60}
        assert strata[0].measures().keys() >= {"ttft_ms", "total_ms", "input_tokens"}
        assert ("ttft_ms", "p95") in strata[0].limits()
        (service, _) = ledger.report(end - 3600, end)["services"]
        assert service["metrics"]["ttft_ms"]["p50"] == pytest.approx(450, rel=0.5)
        assert not ledger.roll_up(now=end).steps
        assert ledger.retain(Keep(), now=end, pause_s=0).minutes == 0
        assert ledger.retain(Keep(), now=end + 3_600, pause_s=0).minutes == 2 * 60
