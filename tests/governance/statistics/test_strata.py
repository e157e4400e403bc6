"""The ledger's own rows, from a journal on disk, become the tallies that the statistics compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.ledger.journal_files import OK, PROVIDER_ERROR, Record, write_segment
from tests.ledger.test_reading import DAY, HOUR, START, traffic

from paceline.governance.statistics.split import quantile
from paceline.governance.statistics.strata import FAILED, Numbers, tallied
from paceline.governance.statistics.tally import Tally
from paceline.ledger import open_ledger


def stored(tmp_path: Path, records: list[Record], service: str, numbers: Numbers) -> Tally:
    journal = tmp_path / "journal"
    journal.mkdir()
    write_segment(journal, 1, records)
    with open_ledger(tmp_path) as ledger:
        ledger.ingest(journal)
        reading = ledger.reading(START, START + DAY, resolution=60, only={"service": service})
        return tallied(reading.strata(), numbers)


def test_every_request_with_a_time_is_in_its_hour_and_bucket(tmp_path: Path) -> None:
    records = [r for r in traffic(5, 3, 400) if r.outcome in {OK, PROVIDER_ERROR} and r.service == "agent"]
    numbers = Numbers()
    tally = stored(tmp_path, records, "agent", numbers)
    hours = np.array([int(r.start_s // HOUR) for r in records])
    assert int(tally.n.sum()) == len(records)
    for hour in np.unique(hours):
        assert int(tally.n[tally.hour == hour].sum()) == int((hours == hour).sum())
    assert int(tally.n[tally.bucket == FAILED].sum()) == sum(r.outcome == PROVIDER_ERROR for r in records)
    assert len(numbers) == tally.stratum.max() + 1


def test_its_quantiles_are_those_of_the_values(tmp_path: Path) -> None:
    records = [r for r in traffic(6, 3, 900) if r.outcome == OK and r.service == "editor"]
    tally = stored(tmp_path, records, "editor", Numbers())
    told = quantile(np.bincount(tally.bucket, weights=tally.n).astype(np.float64), 0.5) / 2 ** (400 / 32)
    assert told == pytest.approx(float(np.median([r.total_ms or 0.0 for r in records])), rel=0.05)
    assert tally.input_tokens is not None
    assert int(tally.input_tokens.sum()) == pytest.approx(sum(r.tokens[0] for r in records), rel=0.3), "hits have none"


def test_no_rows_are_an_empty_tally() -> None:
    tally = tallied([], Numbers())
    assert tally.n.tolist() == tally.hour.tolist() == []
