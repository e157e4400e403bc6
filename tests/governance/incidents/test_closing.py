"""An incident closes on data alone; silence freezes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paceline.governance.alerts import Severity
from paceline.governance.incidents.closing import Closing, Verdict, continues, needs_note, rule_for, verdict
from paceline.governance.statistics.burn import WINDOWS, Count

HOUR = timedelta(hours=1)
SILENCE = timedelta(minutes=20)


def seen(n: int, over: int, covered: timedelta = HOUR, silent: timedelta = timedelta(0)) -> Closing:
    return Closing(Count(n, over), covered, silent)


@pytest.mark.parametrize(
    ("lately", "expected"),
    [
        (seen(1_000, 60), Verdict.GOES_ON),
        (seen(1_000, 50), Verdict.OVER),
        (seen(199, 0), Verdict.WITHIN),
        (seen(1_000, 10, covered=timedelta(minutes=20)), Verdict.WITHIN),
        (seen(0, 0), Verdict.FROZEN),
        (seen(1_000, 10, silent=SILENCE), Verdict.FROZEN),
        (seen(1_000, 900, silent=HOUR), Verdict.FROZEN),
    ],
)
def test_what_was_seen_decides(lately: Closing, expected: Verdict) -> None:
    assert verdict(lately, rule_for(Severity.PAGE), 0.05, silence=SILENCE) is expected


def test_each_rule_looks_back_as_far_as_a_breach_of_its_severity_needs() -> None:
    spans = [rule_for(window.severity).span for window in WINDOWS]
    assert spans == sorted(spans)
    assert [span.total_seconds() for span in spans[:2]] == [window.long_s for window in WINDOWS[:2]]


def test_a_large_one_needs_a_note_and_a_quick_return_continues_it() -> None:
    assert (needs_note(0.24), needs_note(0.25), needs_note(3.0)) == (False, True, True)
    assert continues(timedelta(hours=23))
    assert not continues(timedelta(hours=24))
