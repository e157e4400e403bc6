"""Sums as governance reads them: in pieces of time, by group, across resolutions."""

from __future__ import annotations

import random
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.journal_files import CANCELLED, OK, PROVIDER_ERROR, REFUSED, Record, mask, write_segment
from tests.ledger.test_resolutions import empty

from paceline import _core
from paceline.ledger import Count, Keep, Ledger, Stratum, columns, open_ledger
from paceline.ledger.schema import COUNTERS, STRATUM_COUNTERS

HOUR = 3_600.0
DAY = 24 * HOUR
START = 1_000_000_800.0  # the start of an hour
FIRST = int(START // 60)
KEEP = Keep(requests_days=1e4, minutes_days=0.25, ten_minutes_days=1, hours_days=400)
SEGMENTS = count(1)
TTFT = ("ttft_ms", "p95")


def take_in(ledger: Ledger, journal: Path, records: list[Record]) -> None:
    write_segment(journal, next(SEGMENTS), records)
    ledger.ingest(journal)


def traffic(seed: int, hours: float, n: int = 300) -> list[Record]:
    """Make records of three services with lengths and times like real ones."""
    dice = random.Random(seed)
    records = []
    for number in range(n):
        ttft = dice.lognormvariate(6, 0.7)
        tokens = (int(dice.lognormvariate(7, 1.5)) + 1, 0, 0, int(dice.lognormvariate(4.5, 1)) + 1, 0)
        over = mask(TTFT) if ttft > 800 else 0
        service = dice.choice(("helpdesk", "editor", "agent"))
        outcome = dice.choice((OK, OK, OK, OK, PROVIDER_ERROR, CANCELLED, REFUSED))
        records.append(
            Record(
                *(number, START + dice.random() * hours * HOUR, service),
                plan=dice.choice((1, 2)),
                outcome=outcome,
                ttft_ms=ttft,
                total_ms=ttft * 3,
                tokens=tokens,
                cost_nanousd=tokens[0] * 150,
                judged=mask(TTFT),
                over=mask(TTFT) if outcome == PROVIDER_ERROR else over,
                attempts=dice.choice((1, 1, 1, 2)),
                cache=dice.choice(("none", "none", "hit")),
            )
        )
    return records


def test_fields_agree_with_the_native_module() -> None:
    assert Count._fields[7:] == COUNTERS == _core.MINUTE_COUNTERS
    assert Stratum._fields[9:-2] == STRATUM_COUNTERS == _core.STRATUM_COUNTERS


def test_counts_by_piece_and_group(ledger: Ledger, journal: Path) -> None:
    records = traffic(1, 2)
    take_in(ledger, journal, records)
    for resolution in (1, 10, 60):
        rows = ledger.counts(START, START + 2 * HOUR, resolution=resolution, group=("service",))  # type: ignore[arg-type]
        assert rows == sorted(rows, key=lambda row: row[:3])
        assert {row.minutes for row in rows} == {resolution}
        assert all(row.minute % resolution == 0 and row.use_case is None and row.plan is None for row in rows)
        for row in rows:
            mine = [
                record
                for record in records
                if record.service == row.service and 0 <= record.start_s // 60 - row.minute < resolution
            ]
            assert row.n == len(mine)
            assert row.n_failed == sum(record.outcome == PROVIDER_ERROR for record in mine)
            assert row.n_cancelled == sum(record.outcome == CANCELLED for record in mine)
        assert sum(row.n for row in rows) == len(records)


def test_a_running_piece_is_read_from_its_start(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [Record(1, start_s=START + 60), Record(2, start_s=START + 540)])
    (row,) = ledger.counts(START + 500, START + 541)
    assert (row.minute, row.minutes, row.n, row.service, row.use_case) == (FIRST, 10, 2, "helpdesk", "support-chat")


def test_limits_and_metrics_by_group(ledger: Ledger, journal: Path) -> None:
    records = [record for record in traffic(2, 1) if record.outcome == OK]
    take_in(ledger, journal, records)
    reading = ledger.reading(START, START + HOUR, resolution=60)
    limits = reading.limits(("service", "plan"))
    assert {(row.metric, row.percentile, row.minute, row.minutes) for row in limits} == {(*TTFT, FIRST, 60)}
    for row in limits:
        mine = [r for r in records if (r.service, f"{r.plan:016x}") == (row.service, row.plan)]
        assert (row.n, row.over) == (len(mine), sum(bool(r.over) for r in mine))
    (row,) = ledger.reading(START, START + HOUR, resolution=60, only={"service": "agent"}).metrics(["ttft_ms"], ())
    values = sorted(r.ttft_ms or 0 for r in records if r.service == "agent")
    assert (row.n, row.total) == (len(values), pytest.approx(sum(values), rel=1e-4))
    assert _core.quantiles([row.sketch], [1.0])[0] == pytest.approx(values[-1], rel=0.011)


def test_strata_tell_lengths_apart_and_hold_everything(ledger: Ledger, journal: Path) -> None:
    records = traffic(3, 3)
    take_in(ledger, journal, records)
    ledger.roll_up(now=START + 1.5 * HOUR)
    for resolution in (10, 60):
        rows = list(ledger.strata(START, START + 3 * HOUR, resolution=resolution))  # type: ignore[arg-type]
        assert {row.minutes for row in rows} == {resolution}
        assert len({row[:9] for row in rows}) == len(rows)
        assert sum(row.n for row in rows) == len(records)
        for row in rows:
            mine = [record for record in records if belongs(record, row)]
            assert (row.n, row.n_cache_hit) == (len(mine), sum(record.cache == "hit" for record in mine))
            assert row.n_retried == sum(record.attempts == 2 for record in mine)
            assert row.limits() == {TTFT: (len(mine), sum(bool(record.over) for record in mine))}
            if row.n_ok:
                assert row.measures()["ttft_ms"].n == row.n_ok


def belongs(record: Record, row: Stratum) -> bool:
    in_bucket = sum(record.tokens[0] >= bound for bound in _core.INPUT_BOUNDS)
    out_bucket = sum(record.tokens[3] >= bound for bound in _core.OUTPUT_BOUNDS)
    return (record.service, f"{record.plan:016x}", in_bucket, out_bucket) == (
        *(row.service, row.plan, row.input_bucket, row.output_bucket),
    ) and 0 <= record.start_s // 60 - row.minute < row.minutes


def test_hours_come_in_place_of_what_is_gone(ledger: Ledger, journal: Path) -> None:
    now = START + 3 * DAY
    take_in(ledger, journal, [*traffic(4, 2), Record(999, start_s=now - HOUR)])
    ledger.roll_up(now=now)
    ledger.retain(KEEP, now=now, pause_s=0)
    rows = list(ledger.strata(START + 1800, now))
    assert {row.minutes for row in rows if row.minute < FIRST + 120} == {60}
    assert [row.minutes for row in rows if row.minute >= FIRST + 120] == [10]
    assert sum(row.n for row in rows) == 301
    found = ledger.counts(START, now, resolution=1)
    assert {row.minutes for row in found} == {1, 60}
    assert sum(row.n for row in found) == 301


def test_only_what_is_asked_for(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, traffic(5, 1))
    reading = ledger.reading(START, START + HOUR, only={"service": "editor", "plan": f"{1:016x}"})
    assert {(row.service, row.plan) for row in reading.strata()} == {("editor", f"{1:016x}")}
    assert sum(row.n for row in reading.counts(())) == sum(row.n for row in reading.strata())
    assert reading.counts(("model",))[0].model == "small"
    assert list(ledger.strata(START - DAY, START - HOUR)) == ledger.counts(START - DAY, START - HOUR) == []


def test_columns_are_arrays(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, traffic(6, 1, n=20))
    rows = list(ledger.strata(START, START + HOUR))
    found = columns(rows, ("minute", "service", "n", "packed_measures"))
    assert memoryview(found["minute"]).format == "q"  # type: ignore[arg-type]
    assert list(found["n"]) == [row.n for row in rows]
    assert found["service"] == [row.service for row in rows]
    assert columns([], ("n",)) == {"n": []}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats(0.05, 4e6), min_size=1, max_size=80), data=st.data())
def test_percentiles_are_right_after_any_merge_order(
    ledger: Ledger, journal: Path, values: list[float], data: st.DataObject
) -> None:
    """Values fall into any minutes, are ingested in any pieces, rolled up in between, and added up by any reader."""
    empty(ledger)
    values = [round(value, 3) for value in values]
    starts = [START + data.draw(st.integers(0, 7_199)) for _ in values]
    records = [Record(n, at, total_ms=value) for n, (at, value) in enumerate(zip(starts, values, strict=True))]
    while records:
        piece = data.draw(st.integers(1, len(records)))
        take_in(ledger, journal, records[:piece])
        del records[:piece]
        if data.draw(st.booleans()):
            ledger.roll_up(now=START + data.draw(st.integers(0, 10_000)))
    q = data.draw(st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
    truth = sorted(values)[max(1, -int(-q * len(values) // 1)) - 1]
    for resolution in (1, 10, 60):
        rows = ledger.reading(START, START + 2 * HOUR, resolution=resolution).metrics(["total_ms"], ())  # type: ignore[arg-type]
        sketches = data.draw(st.permutations([row.sketch for row in rows]))
        assert _core.quantiles(sketches, [q])[0] == pytest.approx(truth, rel=0.011)
    strata = [row.measures()["total_ms"] for row in ledger.strata(START, START + 2 * HOUR, resolution=60)]
    assert _core.quantiles([each.sketch for each in strata], [q])[0] == pytest.approx(truth, rel=0.011)
    assert sum(each.total for each in strata) == pytest.approx(sum(values))


@pytest.mark.postgres
@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
def test_both_databases_answer_the_same(where: str, tmp_path: Path) -> None:
    """Every reader, after the same history, gives the same to the last digit."""
    now = START + 3 * DAY
    answers = []
    for name, address in (("sqlite", f"sqlite:///{tmp_path / 'ledger.db'}"), ("postgresql", where)):
        with open_ledger(address) as ledger:
            for seed in range(4):
                take_in(ledger, tmp_path / name, traffic(10 + seed, 60, n=250))
                ledger.roll_up(now=START + seed * 20 * HOUR)
                ledger.retain(KEEP, now=START + seed * 20 * HOUR, pause_s=0)
            answers.append(
                [
                    ledger.report(START, now),
                    *(list(ledger.strata(START, now, resolution=minutes)) for minutes in (10, 60)),
                    *(ledger.counts(START, now, resolution=minutes) for minutes in (1, 10, 60)),
                    ledger.reading(START, now).limits(("service", "use_case", "plan")),
                    ledger.reading(START, now).metrics(["ttft_ms", "total_ms", "cost_usd"], ("service",)),
                    ledger.spending().totals,
                ]
            )
    for of_sqlite, of_postgres in zip(*answers, strict=True):
        assert of_sqlite == of_postgres
