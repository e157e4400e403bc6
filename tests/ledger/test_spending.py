"""Money by day and by everyone it counts for, and the moment it is of."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.journal_files import GATEWAY, Record, write_segment

from paceline.ledger import Ledger
from paceline.ledger.spending import Reached, day_number, subjects
from paceline.standards import Plan

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
_NUMBERS = count(1)


def plan(owner: str | None) -> Plan:
    document: dict[str, Any] = {"use_cases": [], "services": [{"name": "helpdesk", "owner": owner, "use_cases": []}]}
    return Plan({**document, "hash": hashlib.sha256(json.dumps(document).encode()).hexdigest()})


def spent(days_ago: int = 0, nanousd: int = 100, **more: Any) -> Record:
    names = {"key": more.pop("key", "k_1")}
    return Record(next(_NUMBERS), start_s=NOON - 86_400 * days_ago, cost_nanousd=nanousd, names=names, **more)


def take_in(ledger: Ledger, journal: Path, records: list[Record], **more: Any) -> int:
    number = next(_NUMBERS)
    write_segment(journal, number, records, **more)
    ledger.ingest(journal)
    return number


def test_money_counts_for_key_service_use_case_team_and_deployment(ledger: Ledger, journal: Path) -> None:
    old, new = plan("support"), plan("care")
    ledger.plans.put(old)
    ledger.plans.put(new)
    records = [
        spent(plan=old.hash8, other_cost_nanousd=11),
        spent(1, plan=old.hash8, key="k_2"),
        spent(40, plan=old.hash8),
        spent(plan=new.hash8, service="helpdesk", use_case="triage"),
        spent(nanousd=-1, other_cost_nanousd=7, service="", key=""),
    ]
    take_in(ledger, journal, records)
    spending = ledger.spending(DAY)
    assert spending.day == DAY
    assert spending.totals == {
        ("deployment", "sim/small-8b"): (218, 318),
        ("key", "k_1"): (211, 211),
        ("key", "k_2"): (0, 100),
        ("service", "helpdesk"): (211, 311),
        ("team", "care"): (100, 100),
        ("team", "support"): (111, 211),
        ("use_case", "support-chat"): (118, 218),
        ("use_case", "triage"): (100, 100),
    }
    assert ledger.spending(date(2026, 10, 31)).totals[("service", "helpdesk")] == (0, 100)
    assert ledger.spending(date(2027, 1, 1)).totals == {}


def test_the_totals_and_the_positions_are_of_one_moment(ledger: Ledger, journal: Path) -> None:
    assert ledger.spending(DAY).reached == ()
    take_in(ledger, journal, [spent(), spent()])
    number = take_in(ledger, journal, [spent()], capacity=9, sealed=False)
    found = ledger.spending(DAY)
    assert found.reached == (Reached(GATEWAY.hex(), number, 7, 1),)
    assert found.totals[("key", "k_1")] == (300, 300)


def test_a_segment_is_gone_only_after_whoever_relies_on_it_was_told(ledger: Ledger, journal: Path) -> None:
    paths = [write_segment(journal, next(_NUMBERS), [spent()]) for _ in range(3)]
    told: list[tuple[int, list[bool]]] = []

    def tell() -> None:
        told.append((ledger.spending(DAY).totals[("key", "k_1")][0], [path.exists() for path in paths]))

    assert ledger.ingest(journal, before_delete=tell).segments_deleted == 3
    assert told == [(300, [True, True, True])]
    assert not any(path.exists() for path in paths)
    ledger.ingest(journal, before_delete=tell)
    assert len(told) == 1, "nothing to delete, nothing to tell"


def test_what_could_not_be_told_keeps_the_segments(ledger: Ledger, journal: Path) -> None:
    path = write_segment(journal, next(_NUMBERS), [spent()])

    def full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        ledger.ingest(journal, before_delete=full)
    assert path.exists()
    assert ledger.ingest(journal).segments_deleted == 1
    assert ledger.spending(DAY).totals[("key", "k_1")] == (100, 100), "counted once"


def test_a_plan_that_was_never_seen_counts_as_the_newest(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [spent(plan=5)])
    assert "team" not in {kind for kind, _ in ledger.spending(DAY).totals}
    ledger.plans.put(plan("support"))
    take_in(ledger, journal, [spent(plan=5)])
    assert ledger.spending(DAY).totals[("team", "support")] == (100, 100)


def test_an_unknown_owner_leaves_the_team_out() -> None:
    rows = [(3, "k", "s", "u", "d", "p", 5), (3, "k", "s", "u", "d", "q", 6)]
    found = {(kind, name): money for _, kind, name, money in subjects(rows, lambda plan, _: {"p": "t"}.get(plan))}
    assert found == {
        ("key", "k"): 11,
        ("service", "s"): 11,
        ("use_case", "u"): 11,
        ("deployment", "d"): 11,
        ("team", "t"): 5,
    }


def test_days_are_counted_from_1970() -> None:
    assert (day_number(date(1970, 1, 1)), day_number(DAY)) == (0, int(NOON // 86_400))


def test_old_days_go_with_their_minutes(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, [spent(), spent(500)])
    ledger.retain(now=NOON, pause_s=0)
    assert ledger.spending(date(2025, 7, 11)).totals == {}
    assert ledger.spending(DAY).totals[("key", "k_1")] == (100, 100)
