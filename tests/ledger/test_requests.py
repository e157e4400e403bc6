"""Single requests by pages: newest first, none twice and none left out, whatever is filtered; reading ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger.journal_files import METRICS, PERCENTILES, Record, mask
from tests.ledger.test_reading import HOUR, START, TTFT, take_in, traffic

from paceline.ledger import Ledger
from paceline.ledger import requests as module
from paceline.ledger.requests import LIMITS

SPAN = (START, START + 3 * HOUR)


@pytest.fixture
def records(ledger: Ledger, journal: Path) -> list[Record]:
    """Three hours of three services, newest first."""
    made = traffic(5, 3, n=240)
    take_in(ledger, journal, made)
    return sorted(made, key=lambda record: record.id, reverse=True)


def walk(ledger: Ledger, **chosen: str) -> list[bytes]:
    """Return the ids of all pages."""
    over = chosen.pop("over", "")
    found, before = [], ""
    while True:
        page = ledger.requests.page(*SPAN, chosen, over=over, before=before, most=7)  # type: ignore[arg-type]
        assert len(page.rows) <= 7
        found += [bytes(row["id"]) for row in page.rows]
        if not page.older:
            return found
        before = page.older


@pytest.mark.parametrize("looked_max", [20_000, 11])
def test_pages_hold_every_request_once(
    ledger: Ledger, records: list[Record], monkeypatch: pytest.MonkeyPatch, looked_max: int
) -> None:
    monkeypatch.setattr(module, "LOOKED_MAX", looked_max)
    assert walk(ledger) == [record.id for record in records]
    assert walk(ledger, service="agent", outcome="ok") == [
        record.id for record in records if record.service == "agent" and record.outcome == 1
    ]
    assert walk(ledger, over="ttft_ms.p95") == [record.id for record in records if record.over & mask(TTFT)]
    assert walk(ledger, service="nobody") == []


def test_a_page_reads_past_so_many_and_says_where_to_go_on(
    ledger: Ledger, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_MAX", 50)
    page = ledger.requests.page(*SPAN, {"service": "nobody"})
    assert (page.rows, page.older) == ((), records[50].id.hex())


def test_only_the_span_counts(ledger: Ledger, records: list[Record]) -> None:
    since, until = START + HOUR, START + 2 * HOUR
    page = ledger.requests.page(since, until, {}, most=1_000)
    assert [bytes(row["id"]) for row in page.rows] == [
        record.id for record in records if since <= int(record.start_s * 1000) / 1000 < until
    ]


@pytest.mark.parametrize("before", ["00", "zz"])
def test_another_place_is_an_error(ledger: Ledger, before: str) -> None:
    with pytest.raises(ValueError, match=r"hex|place"):
        ledger.requests.page(*SPAN, {}, before=before)


def test_limits_have_the_bits_of_records() -> None:
    assert {f"{metric}.{at}": mask((metric, at)).bit_length() - 1 for metric in METRICS for at in PERCENTILES} == LIMITS


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ((2_000, 100, 40_100, 300_100, 900_100, 910_000, 30_000, 20_000), (2.0, 40.0, 260.0, 600.0, 0.05)),
        ((None, 100, 40_100, None, None, 910_100, None, None), (0.0, 40.0, 0.0, 870.0, 0.0)),
    ],
)
def test_the_parts_of_an_answer(row: tuple[int | None, ...], parts: tuple[float, ...]) -> None:
    assert module._times(*row) == parts  # type: ignore[arg-type]


def test_failed_is_every_outcome_that_counts_as_over_a_budget(ledger: Ledger, records: list[Record]) -> None:
    failed = [record.id for record in records if record.outcome not in {1, 2, 3, 6}]
    assert failed, "there are some"
    assert walk(ledger, outcome="failed") == failed


def test_one_is_found_by_its_id_as_callers_are_told_it(ledger: Ledger, records: list[Record]) -> None:
    wanted = records[3]
    found = ledger.requests.get(wanted.id.hex())
    assert found is not None
    assert (bytes(found["id"]), found["service"]) == (wanted.id, wanted.service)
    assert ledger.requests.get(f"{wanted.id.hex()[:8]}-{wanted.id.hex()[8:]}") is not None
    assert ledger.requests.get("00" * 16) is None
    assert ledger.requests.get("no hex") is None
