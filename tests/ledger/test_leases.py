"""Leases: one holder at a time, renewed, taken over when they run out; and looks as they are kept. On each database."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

from paceline.ledger import Ledger
from paceline.ledger.looks import Looked, LookKey

NOW = 1_795_435_200.0


def test_the_first_has_it_and_others_wait_until_it_runs_out(ledger: Ledger) -> None:
    assert ledger.leases.holds("govern", "a", now=NOW)
    assert not ledger.leases.holds("govern", "b", now=NOW + 10)
    assert not ledger.leases.holds("govern", "b", now=NOW + 59)
    assert ledger.leases.holds("govern", "b", now=NOW + 61)
    assert not ledger.leases.holds("govern", "a", now=NOW + 62)


def test_its_holder_renews_it(ledger: Ledger) -> None:
    for step in range(10):
        assert ledger.leases.holds("govern", "a", now=NOW + step * 20)
    assert not ledger.leases.holds("govern", "b", now=NOW + 200)
    assert ledger.leases.holder("govern") == ("a", int((NOW + 200) * 1e6) + 20_000_000)


def test_one_that_is_given_back_is_free(ledger: Ledger) -> None:
    assert ledger.leases.holds("govern", "a", now=NOW)
    ledger.leases.give_back("govern", "b")
    assert not ledger.leases.holds("govern", "b", now=NOW)
    ledger.leases.give_back("govern", "a")
    assert ledger.leases.holder("govern") is None
    assert ledger.leases.holds("govern", "b", now=NOW)


def test_leases_of_different_names_are_apart(ledger: Ledger) -> None:
    assert ledger.leases.holds("govern", "a", now=NOW)
    assert ledger.leases.holds("other", "b", now=NOW)


def test_of_many_at_once_one_has_it(ledger: Ledger) -> None:
    ready = threading.Barrier(6)

    def take(holder: int) -> bool:
        ready.wait()
        return ledger.leases.holds("govern", str(holder), now=NOW)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(take, range(6))) == [False] * 5 + [True]


def test_looks_are_replaced_and_too_little_to_say_stays_so(ledger: Ledger) -> None:
    key = LookKey("helpdesk", "chat", "total_ms")
    other = LookKey("helpdesk", "chat", "cost")
    ledger.looks.put({key: Looked(1, 1.1, 0.2, is_gone=False), other: Looked(1, 1.0, math.inf, is_gone=True)})
    ledger.looks.put({key: Looked(2, 1.3, 0.1, is_gone=True)})
    assert ledger.looks.all() == {key: Looked(2, 1.3, 0.1, is_gone=True), other: Looked(1, 1.0, math.inf, is_gone=True)}
    ledger.looks.put({})
