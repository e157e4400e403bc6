"""The file that a gateway's money limits start from: its form, and when it is written."""

from __future__ import annotations

import json
import re
import stat
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import pytest
from tests.gateway.admin_socket import admin_socket
from tests.ledger.journal_files import GATEWAY, Record, write_segment

from paceline.gateway.control import ingest
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link
from paceline.gateway.spent import EVERY_S, TELL_EVERY_S, SpentFile, document
from paceline.ledger import JournalUnreadableError, Ledger, open_ledger
from paceline.ledger.spending import Reached, Spending

_NUMBERS = count(1)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


@pytest.fixture
def ledger(data: DataDir) -> Iterator[Ledger]:
    with open_ledger(data.path) as opened:
        yield opened


def spent(nanousd: int = 100) -> Record:
    return Record(next(_NUMBERS), start_s=time.time(), cost_nanousd=nanousd, names={"key": "k_1"})


def of_key(data: DataDir) -> int:
    totals = json.loads(data.spent.read_bytes())["totals"]
    return sum(row["month_nanousd"] for row in totals if (row["kind"], row["name"]) == ("key", "k_1"))


def test_the_form() -> None:
    made = document(
        Spending(date(2026, 11, 23), (Reached("ab", 7, 5, 120),), {("service", "s"): (1, 2), ("key", "k"): (0, 3)})
    )
    assert made == {
        "format": 1,
        "day": int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) // 86_400,
        "month": [2026, 11],
        "positions": [{"gateway": "ab", "segment": 7, "slot": 120}],
        "totals": [
            {"kind": "key", "name": "k", "day_nanousd": 0, "month_nanousd": 3},
            {"kind": "service", "name": "s", "day_nanousd": 1, "month_nanousd": 2},
        ],
    }


def test_the_form_is_the_one_that_the_gateway_reads() -> None:
    rust = (Path(__file__).parents[2] / "crates/traffic/src/limits/spent.rs").read_text(encoding="utf-8")
    structs = {
        name: set(re.findall(r"pub (\w+):", body))
        for name, body in re.findall(r"pub struct (\w+) \{(.*?)\n\}", rust, re.DOTALL)
    }
    made = document(Spending(date(2026, 11, 23), (Reached("ab", 7, 5, 120),), {("service", "s"): (1, 2)}))
    assert set(made) == structs["Spent"]
    assert set(made["positions"][0]) == structs["Reached"]
    assert set(made["totals"][0]) == structs["Total"]
    assert f"const FORMAT: u32 = {made['format']};" in rust


def test_it_is_there_before_the_records_are_gone(
    data: DataDir, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = data.path / "journal"
    path = write_segment(journal, next(_NUMBERS), [spent(), spent()])
    seen: list[tuple[bool, int]] = []
    whole = SpentFile.write

    def look(self: SpentFile) -> None:
        whole(self)
        seen.append((path.exists(), of_key(data)))

    monkeypatch.setattr(SpentFile, "write", look)
    ingest(ledger, data, SpentFile(data, ledger, Link(data.socket)))
    assert seen[0] == (True, 200)
    assert not path.exists()
    assert stat.S_IMODE(data.spent.stat().st_mode) == 0o600


def test_it_follows_an_open_segment_at_most_once_a_second(data: DataDir, ledger: Ledger) -> None:
    moment = [0.0]
    file = SpentFile(data, ledger, Link(data.socket), lambda: moment[0])
    number, records = next(_NUMBERS), [spent()]
    for expected, passed in ((100, 0.0), (100, EVERY_S / 2), (300, EVERY_S)):
        moment[0] = passed
        write_segment(data.path / "journal", number, records, capacity=9, sealed=False)
        ingest(ledger, data, file)
        assert of_key(data) == expected
        records.append(spent())
    (position,) = json.loads(data.spent.read_bytes())["positions"]
    assert position == {"gateway": GATEWAY.hex(), "segment": number, "slot": 3}


def test_file_and_journal_together_are_exact_at_any_moment(data: DataDir, ledger: Ledger) -> None:
    """What is behind the file's position, added to its totals, is everything that was ever spent."""
    from paceline import _core

    moment = [0.0]
    file = SpentFile(data, ledger, Link(data.socket), lambda: moment[0])
    journal, total, number, records = data.path / "journal", 0, next(_NUMBERS), list[Record]()
    for step in range(40):
        records.append(spent(step))
        total += step
        sealed = len(records) == 7
        write_segment(journal, number, records, capacity=7, sealed=sealed)
        if step % 3 == 0:
            moment[0] += EVERY_S * (step % 2)
            ingest(ledger, data, file)
        if sealed:
            number, records = next(_NUMBERS), []
        tail = 0
        if data.spent.exists():
            (at,) = json.loads(data.spent.read_bytes())["positions"] or [{"segment": 0, "slot": 0}]
            base = of_key(data)
        else:
            at, base = {"segment": 0, "slot": 0}, 0
        for path in sorted(journal.glob("segment-*.jnl")):
            segment = int(path.stem.removeprefix("segment-"), 16)
            if segment >= at["segment"]:
                piece = _core.fold(path, at["slot"] if segment == at["segment"] else 0)
                tail += sum(row[-1] for row in piece.spent)
        assert base + tail == total


def test_a_running_gateway_is_told_and_told_again(data: DataDir, ledger: Ledger) -> None:
    moment = [0.0]
    file = SpentFile(data, ledger, Link(data.socket), lambda: moment[0])
    write_segment(data.path / "journal", next(_NUMBERS), [spent()])
    ingest(ledger, data, file)  # nobody there yet
    with admin_socket(data.socket) as gateway:
        ingest(ledger, data, file)
        assert gateway.spent == []
        moment[0] = TELL_EVERY_S
        ingest(ledger, data, file)
        ingest(ledger, data, file)
    assert gateway.spent == [json.loads(data.spent.read_bytes())]


def test_every_journal_of_the_directory_is_taken_in(data: DataDir, ledger: Ledger) -> None:
    file = SpentFile(data, ledger, Link(data.socket))
    write_segment(data.path / "journal", next(_NUMBERS), [spent()])
    write_segment(data.path / "journal-2", next(_NUMBERS), [spent()])
    (data.path / "journal.old").write_text("a file is no journal")
    assert data.journals() == [data.path / "journal", data.path / "journal-2"]
    ingest(ledger, data, file)
    assert of_key(data) == 200


def test_a_journal_that_cannot_be_read_does_not_hold_the_other_back(data: DataDir, ledger: Ledger) -> None:
    file = SpentFile(data, ledger, Link(data.socket))
    write_segment(data.path / "journal", next(_NUMBERS), [spent()]).write_bytes(b"x" * 2000)
    write_segment(data.path / "journal-2", next(_NUMBERS), [spent()])
    with pytest.raises(JournalUnreadableError):
        ingest(ledger, data, file)
    assert of_key(data) == 100
