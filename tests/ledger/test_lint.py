"""What the linter said, as it is kept: the last word of a day, by service. On each database."""

from __future__ import annotations

from paceline.ledger import Ledger
from paceline.ledger.lint import LintState, RuleCounts

DAY_US = 86_400_000_000
NOW_US = 20_780 * DAY_US + 3_600_000_000
STATE = LintState(
    *("helpdesk", NOW_US, "abc123", "0.1.0", "dana", 12, 30, 100, 20, 1, 2, 3, 4, 5),
    {"C201": RuleCounts(1, 2, 3), "T302": RuleCounts(2)},
)


def test_it_is_kept_as_it_was_said(ledger: Ledger) -> None:
    assert ledger.lint.latest() == {}
    ledger.lint.put(STATE)
    assert ledger.lint.latest() == {"helpdesk": STATE}


def test_the_last_of_a_day_counts(ledger: Ledger) -> None:
    for hours in (0, 1, 30):
        ledger.lint.put(STATE._replace(at_us=NOW_US + hours * 3_600_000_000, errors=hours))
    ledger.lint.put(STATE._replace(service="editor"))
    assert [state.errors for state in ledger.lint.of("helpdesk", 0)] == [1, 30]
    assert [state.errors for state in ledger.lint.of("helpdesk", NOW_US + DAY_US)] == [30]
    assert {name: state.errors for name, state in ledger.lint.latest().items()} == {"editor": 1, "helpdesk": 30}


def test_old_ones_are_forgotten(ledger: Ledger) -> None:
    for days in range(3):
        ledger.lint.put(STATE._replace(at_us=NOW_US + days * DAY_US))
    assert ledger.lint.forget(NOW_US + 2 * DAY_US) == 2
    assert len(ledger.lint.of("helpdesk", 0)) == 1
