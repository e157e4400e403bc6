"""Sums of whole spans: the same as adding up the records, on each database, whatever is rolled up."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from tests.ledger.journal_files import OK, PROVIDER_ERROR, Record
from tests.ledger.test_reading import DAY, HOUR, KEEP, START, TTFT, take_in, traffic

from paceline.ledger import Ledger

EVERYTHING = (START, START + 30 * HOUR)
NUMBERS = count(1)


@pytest.fixture
def records(ledger: Ledger, journal: Path) -> list[Record]:
    """Thirty hours of three services."""
    made = traffic(21, 30, n=600)
    take_in(ledger, journal, made)
    return made


def check(ledger: Ledger, records: list[Record]) -> None:
    """Compare every sum with the records."""
    counters = ledger.totals.counters(*EVERYTHING, ("n", "n_ok", "tokens_input"), ("service",))
    limits = ledger.totals.limits(*EVERYTHING)
    events = ledger.totals.events(*EVERYTHING, ("service",))
    for service in ("helpdesk", "editor", "agent"):
        mine = [record for record in records if record.service == service]
        answered = [record for record in mine if record.outcome == OK]
        assert counters[service,][:2] == (len(mine), len(answered))
        judged = limits[service, "support-chat"][TTFT]
        assert judged == (len(mine), sum(bool(record.over) for record in mine))
        assert events[service,]["cache_hit"][0] == sum(record.cache == "hit" for record in mine)
    assert {names[0] for names in counters} == {"helpdesk", "editor", "agent"}


def test_they_are_the_records_sums_before_and_after_a_roll_up(ledger: Ledger, records: list[Record]) -> None:
    check(ledger, records)
    ledger.roll_up(now=START + 2 * DAY)
    check(ledger, records)
    ledger.retain(KEEP, now=START + 2 * DAY, pause_s=0)
    check(ledger, records)


def test_nothing_outside_the_span_counts(ledger: Ledger, records: list[Record]) -> None:
    since, until = START + 90 * 60, START + 100 * 60
    inside = [record for record in records if since <= record.start_s // 60 * 60 < until]
    assert inside
    assert sum(n for (n,) in ledger.totals.counters(since, until, ("n",)).values()) == len(inside)
    assert ledger.totals.counters(since + 1, since + 59, ("n",)) == {}, "no whole minute lies within"
    ledger.roll_up(now=START + 2 * DAY)
    ledger.retain(KEEP, now=START + 9 * DAY, pause_s=0)
    assert ledger.totals.counters(since, until, ("n",)) == {}, "only its hour is left, which reaches out of it"


def test_the_course_of_a_limit(ledger: Ledger, records: list[Record]) -> None:
    mine = [record for record in records if record.service == "agent"]
    for rolled in (False, True):
        if rolled:
            ledger.roll_up(now=START + 2 * DAY)
        course = ledger.totals.course(*EVERYTHING, TTFT, ("service",))["agent",]
        assert course == sorted(course)
        assert sum(piece.n for piece in course) == len(mine)
        assert sum(piece.over for piece in course) == sum(bool(record.over) for record in mine)
        assert len(course) <= (31 if rolled else 30 * 60), "hours, once they are there"
    assert ledger.totals.course(*EVERYTHING, ("cost_usd", "p95"), ("service",)) == {}


def test_hours_of_the_day(ledger: Ledger, records: list[Record]) -> None:
    def hour(record: Record) -> int:
        return int(record.start_s // 3_600)

    mine = [record for record in records if record.service == "agent"]
    found = ledger.totals.hours(*EVERYTHING, ("n",))["agent",]
    assert found == {at: (n,) for at, n in Counter(map(hour, mine)).items()}
    wanted = {int(START // 3_600 + 2) % 24, int(START // 3_600 + 3) % 24}
    some = ledger.totals.hours(*EVERYTHING, ("n",), of_day=wanted)["agent",]
    assert some == {at: n for at, n in found.items() if at % 24 in wanted}
    assert len(some) == 4, "two days' two hours"


def test_money_by_day(ledger: Ledger, records: list[Record]) -> None:
    first = datetime.fromtimestamp(START, UTC).date()
    found = ledger.totals.spent("service", first, first + timedelta(days=1))
    assert sorted(found) == ["agent", "editor", "helpdesk"]
    days = {int(record.start_s // DAY) for record in records}
    assert {day for each in found.values() for day in each} == days
    only = ledger.totals.spent("service", first, first)
    assert {day for each in only.values() for day in each} == {min(days)}
    assert ledger.totals.spent("service", date(1999, 1, 1), date(1999, 1, 2)) == {}


def test_keys_by_service_in_a_sample(ledger: Ledger, journal: Path) -> None:
    def call(at: float, key: str, service: str) -> Record:
        return Record(next(NUMBERS), at, service, outcome=PROVIDER_ERROR, names={"key": key})

    made = [call(START + hour * HOUR + n, "k_a", "helpdesk") for hour in range(3) for n in range(10)]
    made += [call(START + 5, "k_a", "editor"), call(START + 6, "k_b", "editor"), call(START + 5 * HOUR, "k_c", "x")]
    take_in(ledger, journal, [*made, call(START + 7, "", "editor")])
    span = (START, START + 3 * HOUR)
    assert ledger.totals.keys(*span) == [("k_a", "editor", 1), ("k_a", "helpdesk", 30), ("k_b", "editor", 1)]
    sampled = ledger.totals.keys(*span, pieces=3, most=4)
    assert sum(use.n for use in sampled) == 12, "four of each piece"


def test_one_services_rows_are_sought_and_add_up_to_the_same(ledger: Ledger, records: list[Record]) -> None:
    for rolled in (False, True):
        if rolled:
            ledger.roll_up(now=START + 3 * DAY)
        limits, events = ledger.totals.limits(*EVERYTHING), ledger.totals.events(*EVERYTHING)
        for service in ("helpdesk", "editor", "agent"):
            own = ledger.reading(*EVERYTHING, resolution=60, only={"service": service})
            assert own.limit_totals(("use_case",)) == {
                (use_case, *limit): counted
                for (name, use_case), found in limits.items()
                if name == service
                for limit, counted in found.items()
            }
            assert own.events(("use_case",)) == {
                (use_case,): found for (name, use_case), found in events.items() if name == service
            }
            mine = [record for record in records if record.service == service]
            assert sum(row.n for row in own.counts(())) == len(mine)

            totals = ledger.totals
            for all_of, alone in (
                (limits, totals.limits(*EVERYTHING, service=service)),
                (totals.events(*EVERYTHING), totals.events(*EVERYTHING, service=service)),
                (totals.counters(*EVERYTHING, ("n",)), totals.counters(*EVERYTHING, ("n",), service=service)),
            ):
                assert alone == {names: found for names, found in all_of.items() if names[0] == service}
