"""Figures made before anybody asks: for whom, how often; and that pages then have them without the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paceline.dashboard import Sources
from paceline.dashboard import preparing as module
from paceline.dashboard.pages import overview, teams
from paceline.dashboard.preparing import Preparing
from paceline.dashboard.spans import RANGES, span_of
from paceline.ledger import Ledger, open_ledger
from paceline.standards import Standards, load

NOW = 1_794_000_000.0
TEXT = """
version: 1
providers: {sim: {base_url: "http://127.0.0.1:4199/v1"}}
models: {small: {deployments: [sim/small-8b]}}
use_cases: {support-chat: {class: chat, model: small}}
teams: {support: {}}
services:
"""


def standards(services: int) -> Standards:
    lines = [f"  service-{n}: {{owner: support, use_cases: [support-chat]}}\n" for n in range(services)]
    return load(TEXT + "".join(lines), env={}).sound()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path) as made:
        made.plans.put(standards(30).plan())
        yield made


def sources(ledger: Ledger, known: Standards | None) -> Sources:
    return Sources(ledger, lambda: known, lambda: {"gateway": {}, "loops": {}}, clock=lambda: NOW)


def test_the_first_who_comes_finds_everything(ledger: Ledger) -> None:
    known = standards(30)
    made = sources(ledger, known)
    Preparing(made).tick()
    ledger.close()
    for name in RANGES:
        found = overview.attained(made, span_of(name, NOW))
        assert (len(found.value), found.at) == (30, NOW)
    assert len(teams.cards(made, known)) == 30


def test_nothing_is_made_for_few_services_nor_without_standards(ledger: Ledger) -> None:
    for known in (standards(29), None):
        made = sources(ledger, known)
        Preparing(made).tick()
        assert not made._kept


def test_a_round_is_followed_by_a_rest(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    now, rounds = [1_000.0], []
    preparing = Preparing(sources(ledger, None))

    def took(seconds: float) -> None:
        rounds.append(now[0])
        now[0] += seconds

    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for cost, rest in ((0.1, 60.0), (1.0, 100.0), (60.0, 240.0)):
        monkeypatch.setattr(preparing, "_round", lambda cost=cost: took(cost))
        preparing.tick()
        now[0] += rest - 1
        preparing.tick()
        now[0] += 2
    assert len(rounds) == 3
