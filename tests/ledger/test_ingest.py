"""Journal segments into the ledger: everything once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.ledger.journal_files import LOST, PROVIDER_ERROR, Record, mask, void, write_segment

from paceline import _core
from paceline.ledger import Ingested, JournalUnreadableError, Ledger, open_ledger
from paceline.ledger.ingest import Ingest
from paceline.ledger.schema import COUNTERS, minute, minute_limit, minute_metric, position, request, series

P95 = mask(("ttft_ms", "p95"))


def count(ledger: Ledger, table: object = request) -> int:
    with ledger.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def counters(ledger: Ledger) -> dict[str, int]:
    with ledger.engine.connect() as connection:
        row = connection.execute(select(*(func.sum(minute.c[name]).label(name) for name in COUNTERS))).one()
    return {name: int(value or 0) for name, value in row._mapping.items()}


def some(numbers: Sequence[int]) -> list[Record]:
    return [Record(number, start_s=1_000_000_020.0 + number) for number in numbers]


def test_columns_agree_with_the_native_module() -> None:
    assert tuple(column.name for column in request.columns) == _core.REQUEST_COLUMNS
    assert COUNTERS == _core.MINUTE_COUNTERS


def test_a_record_arrives_whole(ledger: Ledger, journal: Path) -> None:
    sent = Record(7, judged=P95, over=P95, names={"session": "s-1", "reason": "default", "key": "k_1"}, ttft_ms=1234.5)
    write_segment(journal, 1, [sent])
    assert ledger.ingest(journal) == Ingested(records=1, segments_deleted=1)
    with ledger.engine.connect() as connection:
        row = connection.execute(select(request)).mappings().one()
    assert bytes(row["id"]) == sent.id
    assert (row["service"], row["use_case"], row["deployment"], row["model"]) == (
        *("helpdesk", "support-chat", "sim/small-8b", "small"),
    )
    assert (row["api"], row["outcome"], row["mode"], row["token_source"]) == ("chat", "ok", "warn", "provider")
    assert (row["session"], row["reason"], row["key_id"]) == ("s-1", "default", "k_1")
    assert (row["ttft_us"], row["tpot_ns"], row["end_us"]) == (1_234_500, None, None)
    assert (row["cost_nanousd"], row["default_cost_nanousd"]) == (1000, None)
    assert (row["tokens_input"], row["tokens_output"], row["plan"]) == (100, 20, "0123456789abcdef")
    assert (row["judged"], row["over_limit"], row["start_us"]) == (P95, P95, 1_000_000_020_000_000)


def test_minutes_add_up_over_pieces_and_calls(ledger: Ledger, journal: Path) -> None:
    records = some(range(100))
    for index, record in enumerate(records):
        record.judged = P95
        record.over = P95 if index % 10 == 0 else 0
        record.ttft_ms = 100.0 + index
    write_segment(journal, 1, records[:50])
    ledger.ingest(journal, slots_max=7)
    write_segment(journal, 2, records[50:])
    ledger.ingest(journal, slots_max=1000)
    assert counters(ledger)["n"] == counters(ledger)["n_ok"] == 100
    assert counters(ledger)["tokens_input"] == 10_000
    assert counters(ledger)["cost_nanousd"] == 100_000
    with ledger.engine.connect() as connection:
        limits = connection.execute(select(func.sum(minute_limit.c.n), func.sum(minute_limit.c.over_limit))).one()
        metric = minute_metric.c.metric == "ttft_ms"
        rows = connection.execute(select(minute_metric.c.n, minute_metric.c.sketch).where(metric)).all()
    assert (int(limits[0]), int(limits[1])) == (100, 10)
    assert sum(row.n for row in rows) == 100
    assert len(rows) == 2, "one row a minute: 100 s from the start of one"
    median = _core.quantiles([bytes(row.sketch) for row in rows], [0.5])[0]
    assert median == pytest.approx(149, rel=0.011)


def test_nothing_is_taken_in_twice(ledger: Ledger, journal: Path) -> None:
    path = write_segment(journal, 1, some(range(20)))
    kept = path.read_bytes()
    ledger.ingest(journal)
    path.write_bytes(kept)  # the crash came after the commit and before the deletion
    assert ledger.ingest(journal) == Ingested(segments_deleted=1)
    assert (count(ledger), counters(ledger)["n"]) == (20, 20)
    assert not path.exists()


def test_a_crash_before_the_commit_leaves_nothing(
    ledger: Ledger, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_segment(journal, 1, some(range(20)))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ingest, "_put_spent", die)
        with pytest.raises(KeyboardInterrupt):
            ledger.ingest(journal)
    assert (count(ledger), count(ledger, series), count(ledger, position)) == (0, 0, 0)
    assert path.exists()
    assert ledger.ingest(journal).records == 20
    assert (count(ledger), counters(ledger)["n"]) == (20, 20)


def test_an_open_segment_is_followed_and_kept(ledger: Ledger, journal: Path) -> None:
    records = some(range(30))
    write_segment(journal, 1, records[:10], capacity=30, sealed=False)
    assert ledger.ingest(journal) == Ingested(records=10)
    assert ledger.ingest(journal) == Ingested()
    write_segment(journal, 1, records[:25], capacity=30, sealed=False)
    assert ledger.ingest(journal) == Ingested(records=15)
    write_segment(journal, 1, records, capacity=40)
    assert ledger.ingest(journal) == Ingested(records=5, segments_deleted=1)
    assert count(ledger) == 30


def test_a_hole_holds_the_rest_back_until_it_is_settled(ledger: Ledger, journal: Path) -> None:
    first, second = some(range(2))
    write_segment(journal, 1, [first, bytes(512), second], capacity=3, sealed=False)
    assert ledger.ingest(journal) == Ingested(records=1)
    write_segment(journal, 1, [first, void(), second])
    assert ledger.ingest(journal) == Ingested(records=1, segments_deleted=1, voids=1)


def test_a_damaged_slot_of_a_settled_segment_is_counted(ledger: Ledger, journal: Path) -> None:
    first, second = some(range(2))
    torn = bytearray(Record(5).encode())
    torn[100] ^= 1
    write_segment(journal, 1, [first, bytes(torn), second])
    assert ledger.ingest(journal) == Ingested(records=2, segments_deleted=1, damaged=1)


def test_a_newer_format_stops_ingest_and_loses_nothing(ledger: Ledger, journal: Path) -> None:
    import struct
    import zlib

    newer = bytearray(Record(1).encode())
    newer[4] = 3
    newer[:4] = struct.pack("<I", zlib.crc32(bytes(newer[4:])))
    path = write_segment(journal, 1, [bytes(newer)])
    with pytest.raises(JournalUnreadableError, match="upgrade the control process"):
        ledger.ingest(journal)
    assert path.exists()


def test_a_foreign_file_is_named(ledger: Ledger, journal: Path) -> None:
    journal.mkdir()
    (journal / "segment-0000000000000001.jnl").write_bytes(b"x" * 1024)
    with pytest.raises(JournalUnreadableError, match=r"segment-0000000000000001\.jnl"):
        ledger.ingest(journal)


def test_an_unreadable_segment_does_not_hold_the_others_back(ledger: Ledger, journal: Path) -> None:
    bad = write_segment(journal, 1, some([1]))
    bad.write_bytes(b"not a segment" * 100)
    good = write_segment(journal, 2, some([2, 3]))
    with pytest.raises(JournalUnreadableError, match=r"segment-0000000000000001\.jnl"):
        ledger.ingest(journal)
    assert (count(ledger), bad.exists(), good.exists()) == (2, True, False)


def test_two_ingests_of_one_journal_share_the_work(ledger: Ledger, where: str, journal: Path) -> None:
    write_segment(journal, 1, some(range(10)), capacity=20, sealed=False)
    with open_ledger(where) as other:
        assert ledger.ingest(journal).records == 10
        write_segment(journal, 1, some(range(20)))
        assert other.ingest(journal).records == 10
        write_segment(journal, 2, some(range(20, 30)))
        assert ledger.ingest(journal).records == 10
    assert (count(ledger), counters(ledger)["n"]) == (30, 30)


def test_an_ingest_that_was_overtaken_goes_on_from_there(
    ledger: Ledger, where: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_segment(journal, 1, some(range(10)))
    kept = path.read_bytes()
    with open_ledger(where) as other:
        whole = Ingest._take_in

        def overtaken(self: Ingest, piece: _core.Folded, slot: int) -> int | None:
            monkeypatch.undo()
            other.ingest(journal, slots_max=4)
            path.write_bytes(kept)
            return whole(self, piece, slot)

        monkeypatch.setattr(Ingest, "_take_in", overtaken)
        ledger.ingest(journal)
    assert (count(ledger), counters(ledger)["n"]) == (10, 10)


def test_a_request_that_is_there_already_does_not_stop_ingest(ledger: Ledger, journal: Path) -> None:
    write_segment(journal, 1, some(range(3)))
    write_segment(journal, 2, some(range(2, 5)))
    ledger.ingest(journal)
    assert count(ledger) == 5


def test_a_journal_restored_from_an_old_copy_is_not_taken_for_the_old_one(ledger: Ledger, journal: Path) -> None:
    write_segment(journal, 1, some(range(10)), capacity=20, sealed=False)
    ledger.ingest(journal)
    write_segment(journal, 1, some(range(50, 58)), created_us=8)
    assert ledger.ingest(journal) == Ingested(records=8, segments_deleted=1)
    assert count(ledger) == 18


def test_positions_of_deleted_segments_are_forgotten(ledger: Ledger, journal: Path) -> None:
    for sequence in range(1, 5):
        write_segment(journal, sequence, some(range(sequence * 10, sequence * 10 + 5)))
    write_segment(journal, 5, some([99]), capacity=9, sealed=False)
    ledger.ingest(journal)
    with ledger.engine.connect() as connection:
        assert connection.execute(select(position.c.segment)).scalars().all() == [5]


def test_series_are_told_apart_and_failures_counted(ledger: Ledger, journal: Path) -> None:
    records = [
        Record(1),
        Record(2, service="editor", use_case="code", outcome=PROVIDER_ERROR, ttft_ms=None),
        Record(3, plan=0xFFFFFFFFFFFFFFFF),
        Record(4, outcome=LOST, total_ms=None, token_source=2, cost_nanousd=-1),
    ]
    write_segment(journal, 1, records)
    ledger.ingest(journal)
    assert count(ledger, series) == 3
    found = counters(ledger)
    assert (found["n"], found["n_ok"], found["n_provider_error"], found["n_lost"]) == (4, 2, 1, 1)
    assert (found["n_cost_due"], found["n_cost"], found["n_tokens_estimated"]) == (2, 2, 1)
    with ledger.engine.connect() as connection:
        total = select(func.sum(minute_metric.c.n_failed)).where(minute_metric.c.metric == "total_ms")
        assert int(connection.execute(total).scalar_one()) == 2
        assert connection.execute(select(series.c.plan).where(series.c.plan.like("f%"))).scalar() == "f" * 16
