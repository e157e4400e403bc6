"""The native fold as the ledger uses it: positions, rows, and the arithmetic of sketches."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.journal_files import GATEWAY, PROVIDER_ERROR, REFUSED, Record, mask, void, write_segment

from paceline import _core


def sketch(tmp_path: Path, values: list[float]) -> bytes:
    path = write_segment(tmp_path / "journal", 1, [Record(n, total_ms=value) for n, value in enumerate(values)])
    (row,) = (row for row in _core.fold(path, 0).metrics if row[2] == "total_ms")
    return row[6]


def test_a_segment_is_folded_piece_by_piece(journal: Path) -> None:
    path = write_segment(journal, 9, [Record(1), void(), Record(2), Record(3)])
    start = _core.fold(path, 0, 0)
    assert (start.gateway, start.segment, start.next_slot) == (GATEWAY.hex(), 9, 0)
    assert (start.sealed, start.complete, start.requests) == (True, False, [])
    first = _core.fold(str(path), 0, 3)
    assert (first.next_slot, first.complete, first.voids, len(first.requests)) == (3, False, 1, 2)
    last = _core.fold(path, first.next_slot)
    assert (last.next_slot, last.complete, len(last.requests)) == (4, True, 1)
    assert _core.fold(path, 4).complete


def test_rows_fit_their_columns(journal: Path) -> None:
    piece = _core.fold(write_segment(journal, 1, [Record(1, judged=mask(("total_ms", "p99")))]), 0)
    assert [len(row) for row in piece.requests] == [len(_core.REQUEST_COLUMNS)]
    assert [len(row) for row in piece.minutes] == [2 + len(_core.MINUTE_COUNTERS)]
    assert piece.series == [("helpdesk", "support-chat", "small", "sim/small-8b", "0123456789abcdef")]
    assert piece.limits == [(0, 1_000_000_020 // 60, "total_ms", "p99", 1, 0)]
    assert {row[2] for row in piece.metrics} <= set(_core.MEASURES)
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE request ({', '.join(_core.REQUEST_COLUMNS)})")
        marks = ", ".join("?" * len(_core.REQUEST_COLUMNS))
        database.executemany(f"INSERT INTO request VALUES ({marks})", piece.requests)  # noqa: S608


def test_failed_requests_lie_beyond_every_value(tmp_path: Path) -> None:
    values = sketch(tmp_path, [100.0] * 90)
    assert _core.quantiles([values], [0.5, 0.9, 0.91, 1.0], 10) == [
        pytest.approx(100, rel=0.011),
        pytest.approx(100, rel=0.011),
        None,
        None,
    ]
    assert _core.quantiles([], [0.5]) == [None]
    assert _core.quantiles([], [0.5], 3) == [None]


def test_failures_and_refusals_have_no_figures(journal: Path) -> None:
    records = [Record(1, outcome=PROVIDER_ERROR), Record(2, outcome=REFUSED, cost_nanousd=-1)]
    piece = _core.fold(write_segment(journal, 1, records), 0)
    rows = {row[2]: row[3:5] for row in piece.metrics}
    assert rows["total_ms"] == (0, 1)
    assert rows["overhead_us"] == (2, 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40), st.floats(0, 1), st.integers(0, 39))
def test_merging_equals_folding_together(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], q: float, cut: int
) -> None:
    home = tmp_path_factory.mktemp("fold")
    whole = sketch(home, values)
    parts = [sketch(home, part) for part in (values[:cut], values[cut:]) if part]
    assert _core.merge(parts) == whole
    assert _core.quantiles(parts, [q]) == _core.quantiles([whole], [q])
