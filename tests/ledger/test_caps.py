"""Output caps from the lengths of answers: the rules, and what the ledger makes of them."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.journal_files import Record, write_segment

from paceline.ledger import Ledger
from paceline.ledger.caps import (
    ANSWERS_MIN,
    CUT_SHORT,
    FLOOR,
    LEARNED,
    REASONING_FLOOR,
    REST_S,
    Answers,
    Change,
    Lengths,
    Standing,
    decide,
    suggested,
    suggested_for_all,
)

STREAMED, CAP_ADDED, BY_LENGTH = 1, 1 << 1, 1 << 2
NOW = 1_700_000_000.0
HOUR = 3600.0
_NUMBERS = count(1)


@pytest.mark.parametrize(
    ("lengths", "cap"),
    [
        (Lengths(ANSWERS_MIN - 1, 300.0), None),
        (Lengths(ANSWERS_MIN, 300.0), 450),
        (Lengths(5000, 300.4), 451),
        (Lengths(5000, 10.0), FLOOR),
        (Lengths(5000, 900.0, reasoning=True), 2700),
        (Lengths(5000, 100.0, reasoning=True), REASONING_FLOOR),
        (Lengths(5000, None), None),
    ],
)
def test_the_cap_is_p99_and_half_as_much_again(lengths: Lengths, cap: int | None) -> None:
    assert suggested(lengths) == cap


def test_several_models_get_the_widest_cap_once_nearly_all_answers_are_known() -> None:
    small, large, rare = Lengths(1000, 100.0), Lengths(500, 400.0), Lengths(150, 9000.0)
    assert suggested_for_all({"small": small, "large": large}) == 600
    assert suggested_for_all({"small": small, "rare": rare}) is None, "a tenth and more may be longer"
    assert suggested_for_all({"small": Lengths(5000, 100.0), "rare": rare}) == 150
    assert suggested_for_all({}) is None


def standing(cap: int | None = 450, why: str = LEARNED, **more: Any) -> Standing:
    return Standing(cap, why, more.get("at", NOW - HOUR), more.get("before", Answers()), more.get("since", Answers()))


@pytest.mark.parametrize(
    ("suggestion", "now", "change"),
    [
        (450, None, Change(450, LEARNED)),
        (None, None, None),
        (500, standing(), None),
        (540, standing(), None),
        (541, standing(), Change(541, LEARNED)),
        (359, standing(), Change(359, LEARNED)),
        (None, standing(), None),
        (450, standing(None, CUT_SHORT), None),
        (450, standing(None, CUT_SHORT, at=NOW - REST_S), Change(450, LEARNED)),
    ],
)
def test_a_cap_changes_only_when_the_answers_changed(
    suggestion: int | None, now: Standing | None, change: Change | None
) -> None:
    assert decide(suggestion, now, NOW) == change


@pytest.mark.parametrize(
    ("before", "since", "reverted"),
    [
        (Answers(1000, 0), Answers(49, 49), False),
        (Answers(1000, 0), Answers(50, 1), False),
        (Answers(1000, 0), Answers(50, 2), True),
        (Answers(0, 0), Answers(100, 3), True),
        (Answers(1000, 50), Answers(100, 10), False),
        (Answers(1000, 50), Answers(100, 11), True),
    ],
)
def test_a_cap_that_cuts_answers_short_is_taken_back(before: Answers, since: Answers, reverted: bool) -> None:
    change = decide(450, standing(before=before, since=since), NOW)
    assert change == (Change(None, CUT_SHORT) if reverted else None)


@given(st.integers(0, 10**6), st.floats(0, 1e6), st.booleans())
def test_a_suggestion_never_cuts_what_99_of_100_answers_need(n: int, p99: float, reasoning: bool) -> None:
    cap = suggested(Lengths(n, p99, reasoning))
    assert cap is None or cap >= max(p99, FLOOR)


def answers(n: int, tokens: int, at: float, *, flags: int = STREAMED, **more: Any) -> list[Record]:
    names = {"use_case": "support-chat", "model": "small"} | more
    return [Record(next(_NUMBERS), start_s=at, tokens=(100, 0, 0, tokens, 0), flags=flags, **names) for _ in range(n)]


def take_in(ledger: Ledger, journal: Path, records: list[Record]) -> None:
    write_segment(journal, next(_NUMBERS), records)
    ledger.ingest(journal)


def test_a_cap_is_learned_kept_and_taken_back(ledger: Ledger, journal: Path) -> None:
    learning = ledger.learning
    assert learning.review(["support-chat"], (), NOW) == []
    take_in(ledger, journal, answers(300, 200, NOW - HOUR))
    assert learning.review((), (), NOW) == []
    (made,) = learning.review(["support-chat"], (), NOW)
    assert (made.cap_from, made.why) == (None, LEARNED)
    assert made.cap_to == pytest.approx(300, rel=0.012)
    assert learning.in_force() == {"support-chat": made.cap_to}
    assert learning.version() == 1
    assert learning.review(["support-chat"], (), NOW + HOUR) == [], "nothing changed"
    late = NOW + 2 * HOUR
    take_in(ledger, journal, answers(95, 200, late, flags=STREAMED | CAP_ADDED))
    take_in(ledger, journal, answers(5, 300, late, flags=STREAMED | CAP_ADDED | BY_LENGTH))
    (back,) = learning.review(["support-chat"], (), late + HOUR)
    assert (back.cap_from, back.cap_to, back.why) == (made.cap_to, None, CUT_SHORT)
    assert learning.in_force() == {}
    assert learning.review(["support-chat"], (), late + REST_S / 2) == []
    assert learning.version() == 2


def test_answers_before_the_change_do_not_speak_against_it(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, answers(300, 200, NOW - HOUR, flags=STREAMED | CAP_ADDED | BY_LENGTH))
    ledger.learning.review(["support-chat"], (), NOW)
    assert ledger.learning.review(["support-chat"], (), NOW + HOUR) == []


def test_reasoning_is_told_by_the_class_or_by_the_tokens(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, answers(250, 600, NOW - HOUR))
    (plain,) = ledger.learning.review(["support-chat"], (), NOW)
    (wide,) = ledger.learning.review(["support-chat"], ["support-chat"], NOW + 1)
    assert (plain.cap_to, wide.cap_to) == (pytest.approx(900, rel=0.012), pytest.approx(1800, rel=0.012))
    thinking = answers(250, 600, NOW - HOUR, use_case="solve")
    for record in thinking:
        record.tokens = (100, 0, 0, 600, 500)
    take_in(ledger, journal, thinking)
    (solve,) = ledger.learning.review(["solve"], (), NOW)
    assert solve.cap_to == pytest.approx(1800, rel=0.012)


def test_only_whole_answers_that_the_provider_counted_are_learned_from(ledger: Ledger, journal: Path) -> None:
    take_in(ledger, journal, answers(300, 200, NOW - HOUR, token_source=2))
    take_in(ledger, journal, answers(300, 200, NOW - HOUR, cache="hit"))
    take_in(ledger, journal, answers(300, 200, NOW - HOUR, outcome=6))
    assert ledger.learning.review(["support-chat"], (), NOW) == []
