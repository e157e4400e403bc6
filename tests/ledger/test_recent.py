"""What was taken in last: the order, the bound, exact counts, and that ingest feeds it once."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.journal_files import PROVIDER_ERROR, Record, mask, write_segment

from paceline.ledger import open_ledger
from paceline.ledger.recent import Recent, Seen

TTFT = ("ttft_ms", "p95")


def records(n: int, first: int = 0) -> list[Record]:
    return [
        Record(
            number,
            outcome=PROVIDER_ERROR if number % 5 == 0 else 1,
            judged=mask(TTFT),
            over=mask(TTFT) if number % 4 == 0 else 0,
        )
        for number in range(first, first + n)
    ]


def test_the_last_ones_come_first_and_everything_is_counted(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert (ledger.recent.seen(), ledger.recent.last()) == (Seen(), [])
        write_segment(tmp_path / "journal", 1, records(20))
        ledger.ingest(tmp_path / "journal")
        ledger.ingest(tmp_path / "journal")  # nothing new: nothing counts twice
        assert ledger.recent.seen() == Seen(n=20, n_ok=16, n_over=5, tokens_output=400, cost_nanousd=20_000)
        last = ledger.recent.last()
        assert [int(row.id, 16) & 0xFF for row in last[:3]] == [19, 18, 17]
        assert (last[0].service, last[0].model, last[0].ttft_us, last[0].outcome) == (
            "helpdesk",
            "small",
            500_000,
            "ok",
        )
        assert last[4].outcome == "provider_error"


def test_it_is_bounded_while_counts_go_on(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        write_segment(tmp_path / "journal", 1, records(700))
        ledger.ingest(tmp_path / "journal")
        assert (len(ledger.recent.last()), ledger.recent.seen().n) == (500, 700)
        assert int(ledger.recent.last()[-1].id, 16) & 0xFFFF == 200


def test_nothing_is_nothing() -> None:
    recent = Recent(kept=2)
    recent.add([])
    assert recent.seen() == Seen()
