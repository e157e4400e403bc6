"""Parquet: what is read back with pyarrow is what the ledger holds, typed; a few rows at a time; never half a file."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from tests.ledger.journal_files import PROVIDER_ERROR, REFUSED, STREAMED, Record, mask, write_segment

from paceline.exports import parquet
from paceline.exports.parquet import FACTS, write_parquet
from paceline.exports.requests import REQUEST_COLUMNS
from paceline.ledger import Ledger, LedgerError
from paceline.ledger.schema import request

START = datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()


@pytest.fixture
def records(ledger: Ledger, tmp_path: Path) -> list[Record]:
    found = [
        Record(
            number, START + number * 60, service="helpdesk" if number % 3 else "watcher", cost_nanousd=10**9 + number
        )
        for number in range(50)
    ]
    found += [
        Record(60, START + 5, outcome=REFUSED, flags=0, cost_nanousd=-1, ttft_ms=None, deployment=""),
        Record(61, START + 6, outcome=PROVIDER_ERROR, flags=STREAMED | 1 << 10, judged=mask(("ttft_ms", "p95"))),
        Record(62, START + 7, judged=mask(("ttft_ms", "p95"), ("error_share", "mean")), over=mask(("ttft_ms", "p95"))),
    ]
    write_segment(tmp_path / "journal", 1, found)
    ledger.ingest(tmp_path / "journal")
    return found


def read(ledger: Ledger, path: Path, since: float = START, until: float = START + 7200) -> pa.Table:
    rows = write_parquet(ledger, path, since, until)
    table = pq.read_table(path)
    assert table.num_rows == rows
    return table


def test_every_value_is_the_ledgers(ledger: Ledger, records: list[Record], tmp_path: Path) -> None:
    found = read(ledger, tmp_path / "requests.parquet").to_pylist()
    with ledger.engine.connect() as connection:
        held = connection.execute(select(request).order_by(request.c.id)).mappings().all()
    assert len(found) == len(held) == len(records)
    for row, mine in zip(held, found, strict=True):
        assert mine["id"] == bytes(row["id"]).hex()
        assert mine["started_at"].timestamp() == pytest.approx(row["start_us"] / 1e6, abs=1e-6)
        for name in ("cost", "default_cost", "other_cost"):
            nanousd = row[f"{name}_nanousd"]
            assert mine[f"{name}_usd"] == (None if nanousd is None else Decimal(nanousd).scaleb(-9))
        for name in mine.keys() & set(REQUEST_COLUMNS) - {"id", "flags", "judged", "over_limit"}:
            assert mine[name] == row[name], name


def test_types_are_those_of_analysis(ledger: Ledger, records: list[Record], tmp_path: Path) -> None:
    del records
    schema = read(ledger, tmp_path / "requests.parquet").schema
    assert schema.field("started_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("cost_usd").type == pa.decimal128(18, 9)
    assert schema.field("service").type == pa.dictionary(pa.int32(), pa.string())
    assert schema.field("over_limit").type == pa.list_(pa.string())
    assert (schema.field("ttft_us").type, schema.field("status").type) == (pa.int64(), pa.int32())
    assert len(schema) == len(REQUEST_COLUMNS)


def test_bits_are_names(ledger: Ledger, records: list[Record], tmp_path: Path) -> None:
    rows = {row["id"]: row for row in read(ledger, tmp_path / "requests.parquet").to_pylist()}
    refused, failed, slow = (rows[record.id.hex()] for record in records[-3:])
    assert (refused["flags"], refused["cost_usd"], refused["ttft_us"]) == ([], None, None)
    assert failed["flags"] == ["streamed", "fallback"]
    assert (slow["judged"], slow["over_limit"]) == (["ttft p95", "error_share"], ["ttft p95"])


def test_flags_are_the_gateways() -> None:
    source = (Path(__file__).parents[2] / "crates/types/src/record.rs").read_text()
    found = re.findall(r"pub const ([A-Z_]+): u32 = 1(?: << (\d+))?;", source)
    assert {int(place or 0): name.lower() for name, place in found} == dict(enumerate(FACTS))


def test_a_span_a_service_and_rows_a_few_at_a_time(
    ledger: Ledger, records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del records
    monkeypatch.setattr(parquet, "_ROWS", 7)
    path = tmp_path / "requests.parquet"
    whole = read(ledger, path)
    assert pq.ParquetFile(path).metadata.num_row_groups == 8
    assert read(ledger, path, START + 60, START + 600).num_rows == 9
    assert write_parquet(ledger, path, START, START + 7200, "watcher") == whole["service"].to_pylist().count("watcher")
    assert read(ledger, path, START + 9000, START + 9001).num_rows == 0, "an empty span is a file without rows"


def test_what_fails_leaves_the_file_that_was_there(ledger: Ledger, records: list[Record], tmp_path: Path) -> None:
    del records
    path = tmp_path / "requests.parquet"
    read(ledger, path)
    before = path.read_bytes()
    with ledger.engine.begin() as connection:
        request.drop(connection)
    with pytest.raises(LedgerError):
        write_parquet(ledger, path, START, START + 7200)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.glob("requests*")] == ["requests.parquet"]


def test_without_pyarrow_the_command_says_what_brings_it(tmp_path: Path) -> None:
    (tmp_path / ".paceline").mkdir()
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from paceline.cli import main\n"
        f"sys.argv = ['paceline', 'export', 'parquet', '--data', {str(tmp_path / '.paceline')!r}, '-o', 'x.parquet']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "paceline[parquet]"' in done.stderr
    assert not list(tmp_path.glob("x.parquet*"))
