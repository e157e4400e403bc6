"""Figures that are kept: made once for all who ask, anew in the background, never shown when they are too old."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from paceline.dashboard import NotYetError, Sources
from paceline.dashboard import sources as module
from paceline.dashboard.sources import Ahead
from paceline.ledger import LedgerError

WAIT_S = 20


class Clock:
    """Stands in for both clocks; it goes when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module.time, "monotonic", made.monotonic)
    return made


def sources(clock: Clock, patience_s: float = WAIT_S) -> Sources:
    nothing: Any = None
    return Sources(nothing, lambda: None, dict, clock=lambda: clock.now, patience_s=patience_s)


def counting(clock: Clock, cost_s: float = 0.0) -> tuple[Callable[[], int], threading.Event]:
    """Return a maker of 1, 2, 3, … and what is set whenever one was made."""
    made, done = [0], threading.Event()

    def make() -> int:
        made[0] += 1
        clock.now += cost_s
        done.set()
        return made[0]

    return make, done


def test_it_is_made_once_while_it_is_fresh(clock: Clock) -> None:
    kept, (make, _) = sources(clock), counting(clock)
    assert [kept.kept("a", make) for _ in range(3)] == [1, 1, 1]
    clock.now += 19
    assert kept.kept("a", make) == 1
    assert kept.kept("b", make) == 2, "each key for itself"


def test_one_that_ages_is_shown_with_its_time_while_a_new_one_is_made(clock: Clock) -> None:
    kept, (make, done) = sources(clock), counting(clock)
    first = kept.made("a", make)
    assert (first.value, first.at) == (1, 1_000.0)
    clock.now += 21
    done.clear()
    assert kept.made("a", make) == first
    assert done.wait(WAIT_S)
    while kept.made("a", make) == first:
        done.wait(0.01)
    assert (kept.made("a", make).value, kept.made("a", make).at) == (2, 1_021.0)


def test_one_that_is_too_old_is_never_shown(clock: Clock) -> None:
    kept, (make, _) = sources(clock), counting(clock)
    kept.kept("a", make)
    clock.now += 61
    assert kept.kept("a", make) == 2


def test_what_is_dear_is_made_more_rarely(clock: Clock) -> None:
    kept, (make, _) = sources(clock), counting(clock, cost_s=2.0)
    kept.kept("a", make)
    clock.now += 39
    assert kept.made("a", make).value == 1
    assert kept.made("a", make).fresh_until == 1_002.0 + 40


def test_all_who_ask_wait_for_one(clock: Clock) -> None:
    kept, go, made = sources(clock), threading.Event(), []

    def make() -> int:
        assert go.wait(WAIT_S)
        made.append(1)
        return len(made)

    found: list[int] = []
    asking = [threading.Thread(target=lambda: found.append(kept.kept("a", make))) for _ in range(4)]
    for each in asking:
        each.start()
    go.set()
    for each in asking:
        each.join(WAIT_S)
    assert (found, made) == ([1, 1, 1, 1], [1])


def test_who_waits_too_long_is_told_and_gets_it_later(clock: Clock) -> None:
    kept, go = sources(clock, patience_s=0.01), threading.Event()
    with pytest.raises(NotYetError):
        kept.kept("a", lambda: go.wait(WAIT_S))
    go.set()
    while True:
        try:
            assert kept.kept("a", lambda: False) is True
        except NotYetError:
            continue
        break


def test_what_fails_raises_and_is_tried_again(clock: Clock) -> None:
    kept, (make, _) = sources(clock), counting(clock)

    def fail() -> int:
        raise ValueError("no ledger")

    with pytest.raises(ValueError, match="no ledger"):
        kept.kept("a", fail)
    assert kept.kept("a", make) == 1


def test_no_more_are_kept_than_the_bound(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_MAX", 3)
    kept, (make, _) = sources(clock), counting(clock)
    for key in range(5):
        kept.kept(key, make)
    assert kept.kept(4, make) == 5
    assert kept.kept(0, make) == 6, "the oldest went"


def test_what_was_made_ahead_is_shown_up_to_five_minutes_old_and_made_anew_for_those_who_look_on(clock: Clock) -> None:
    kept, (make, done) = sources(clock), counting(clock)
    Ahead(kept).made("a", make)
    clock.now += 280
    done.clear()
    first = kept.made("a", make)
    assert (first.value, first.at) == (1, 1_000.0)
    assert kept.kept("a", make) == 1, "the same page asks again"
    assert not done.is_set()
    clock.now += 19
    assert kept.kept("a", make) == 1
    clock.now += 2
    assert kept.kept("a", make) == 2, "too old by now: waited for"


def test_those_who_look_on_get_new_ones(clock: Clock) -> None:
    kept, (make, done) = sources(clock), counting(clock)
    Ahead(kept).made("a", make)
    clock.now += 100
    assert kept.kept("a", make) == 1
    clock.now += 21
    done.clear()
    assert kept.kept("a", make) == 1, "shown while a new one is made"
    assert done.wait(WAIT_S)
    while kept.kept("a", make) == 1:
        done.wait(0.01)
    assert kept.kept("a", make) == 2


def test_nothing_is_made_ahead_while_it_is_fresh(clock: Clock) -> None:
    kept, (make, _) = sources(clock), counting(clock)
    assert kept.kept("a", make) == 1
    assert Ahead(kept).kept("a", make) == 1
    clock.now += 21
    assert Ahead(kept).kept("a", make) == 2


def test_what_fails_ahead_is_raised_there_and_told_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    kept = sources(clock)

    def fail() -> int:
        raise LedgerError("gone")

    with pytest.raises(LedgerError):
        Ahead(kept).made("a", fail)
    assert not caplog.records, "the loop that asks tells"
