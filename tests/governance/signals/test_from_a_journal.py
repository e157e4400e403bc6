"""The looks on what a real journal leaves in the ledger: that they ask for what it counts, by its names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from ledger_rows import DAY, NOON, NOW
from standards_file import standards
from tests.ledger.journal_files import PROVIDER_ERROR, Record, mask, write_segment

from paceline.governance.incidents.following import follow
from paceline.governance.incidents.rules import rules_of
from paceline.governance.incidents.signal import Measured
from paceline.governance.signals import LOOKS
from paceline.ledger import Ledger

ERRORS = mask(("error_share", "mean"))
CAP_ADDED, ENDED_BY_LENGTH, OFF_STANDARD, UNTAGGED = 1 << 1, 1 << 2, 1 << 4, 1 << 5
FALLBACK, HEDGED = 1 << 10, 1 << 11


PLAIN = Record(0, judged=ERRORS, cost_nanousd=1_000_000)
"""A call of helpdesk's support-chat without anything to tell."""


def calls(now: Record, before: Record) -> Iterator[Record]:
    """Yield three hundred calls of the last two hours, and as many of each of three days before."""
    number = count(1)
    for n in range(300):
        yield replace(now, number=next(number), start_s=NOON - 120 - n * 24)
        for day in (2, 3, 4):
            yield replace(before, number=next(number), start_s=NOON - day * DAY - n * 10)


@pytest.mark.parametrize(
    ("kind", "now"),
    [
        ("truncation", replace(PLAIN, flags=CAP_ADDED | ENDED_BY_LENGTH)),
        ("cache_repeat", replace(PLAIN, cache="hit")),
        ("fallback", replace(PLAIN, flags=FALLBACK)),
        ("retries", replace(PLAIN, attempts=2)),
        ("hedges", replace(PLAIN, flags=HEDGED, other_cost_nanousd=900_000)),
        ("off_standard", replace(PLAIN, flags=OFF_STANDARD)),
        ("untagged", replace(PLAIN, flags=UNTAGGED)),
        ("cost_coverage", replace(PLAIN, cost_nanousd=-1)),
        ("errors", replace(PLAIN, outcome=PROVIDER_ERROR, over=ERRORS)),
    ],
)
def test_what_the_journal_says_becomes_an_incident(ledger: Ledger, tmp_path: Path, kind: str, now: Record) -> None:
    write_segment(tmp_path / "journal", 1, calls(now, replace(PLAIN, cache="miss")))
    ledger.ingest(tmp_path / "journal")
    rules = standards()
    found = [signal for look in LOOKS for signal in look(ledger, rules, NOW)]
    on = [signal.kind for signal in found if signal.state is Measured.ON]
    assert on == [kind]
    follow(ledger, found, NOW, rules_of(ledger, rules, NOW))
    (incident,) = ledger.incidents.list()
    assert (incident.kind, incident.owner, incident.limit.service) == (kind, "support", "helpdesk")


def test_a_quiet_journal_raises_nothing(ledger: Ledger, tmp_path: Path) -> None:
    write_segment(tmp_path / "journal", 1, calls(PLAIN, PLAIN))
    ledger.ingest(tmp_path / "journal")
    found = [signal for look in LOOKS for signal in look(ledger, standards(), NOW)]
    assert {signal.state for signal in found} <= {Measured.OFF, Measured.UNKNOWN}
