"""Regressions from a real ledger: the truth's own traffic as a journal on disk, ingested, looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.ledger.journal_files import Record, write_segment

from paceline.governance.incidents.regressing import EVERY_S, look_for_regressions
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.statistics.regression import baseline_hours
from paceline.governance.truth.traffic import EFFECTS, Effect, Scene, Work, run
from paceline.ledger import Ledger, open_ledger
from paceline.standards import Standards, load

START_H = 1_793_750_400 // 3600
"""2026-11-04 00:00 UTC, in hours: the traffic's first."""
STANDARDS: Standards = load("version: 1\n", env={})
SCENE = Scene(rate=200.0, own_state=0.005)
WINDOW = np.arange(SCENE.onset, SCENE.onset + 24)
READ = np.concatenate([baseline_hours(np.arange(SCENE.onset - 2, SCENE.onset + 24)), WINDOW])


def records(work: Work, service: str, first: int) -> list[Record]:
    """Turn the requests of the hours that are read into usage records, spread over their hours."""
    kept = np.flatnonzero(np.isin(work.hour, READ))
    return [
        Record(
            first + place,
            float((START_H + work.hour[at]) * 3600 + (place * 7) % 3600),
            service,
            deployment=f"sim/{'ab'[work.deployment[at]]}",
            plan=1,
            ttft_ms=float(work.total_s[at] * 200),
            total_ms=float(work.total_s[at] * 1000),
            tokens=(int(work.input_tokens[at]), 0, 0, int(work.output_tokens[at]), 0),
            cost_nanousd=int(work.input_tokens[at]) * 100,
        )
        for place, at in enumerate(kept)
    ]


def stored(folder: Path, works: Sequence[Work]) -> Ledger:
    journal = folder / "journal"
    made: list[Record] = []
    for number, work in enumerate(works):
        made += records(work, f"service-{number}", len(made))
    for part in range(0, len(made), 20_000):
        write_segment(journal, part // 20_000 + 1, made[part : part + 20_000])
    ledger = open_ledger(folder)
    ledger.ingest(journal)
    return ledger


def looked(ledger: Ledger) -> list[Signal]:
    """Look every two hours through the day of the change, as the control process does; what was on at the last."""
    found: list[Signal] = []
    for hour in range(SCENE.onset + 18, SCENE.onset + 25, 2):
        found = look_for_regressions(ledger, STANDARDS, float((START_H + hour) * 3600 + 100))
    return found


def on(signals: Sequence[Signal]) -> list[Signal]:
    return [signal for signal in signals if signal.state is Measured.ON]


def effect(name: str) -> Effect:
    return next(each for each in EFFECTS if each.name == name)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    own, peers = run(SCENE, effect("one deployment +30 %"), 7)
    return stored(tmp_path_factory.mktemp("deployment"), [own, *peers])


def test_one_slow_deployment_of_one_service_is_found_explained_and_dated(deployment: Ledger) -> None:
    found = on(looked(deployment))
    assert {(signal.service, signal.use_case) for signal in found} == {("service-0", "support-chat")}
    total = next(signal for signal in found if signal.measure == "total_ms")
    assert total.provider == "sim"
    assert "total p95 of the same work is +" in total.what
    assert total.changed[0].startswith("deployment sim/b is +")
    assert "slower on the same work, others" in total.changed[0]
    assert total.since_s is not None
    assert abs(total.since_s / 3600 - START_H - SCENE.onset) <= 12, "the first hours are a quiet night"


def test_a_look_is_taken_every_two_hours_and_remembered(deployment: Ledger) -> None:
    looked(deployment)
    last = max(one.at_us for one in deployment.looks.all().values()) / 1e6
    assert look_for_regressions(deployment, STANDARDS, last + EVERY_S - 120) == []
    assert {key.measure for key in deployment.looks.all()} == {"total_ms", "ttft_ms", "cost", "input_tokens"}


def test_other_work_raises_no_alarm_and_leaves_a_note(tmp_path: Path) -> None:
    own, peers = run(SCENE, effect("mix shift"), 7)
    with stored(tmp_path, [own, *peers]) as ledger:
        assert on(looked(ledger)) == []
        notes = [event for event in ledger.events.between(0, 2**62) if event.kind == "mix"]
    assert [(note.service, note.actor) for note in notes] == [("service-0", "paceline")], "once a day"
    assert "prompts are longer" in notes[0].text


def test_prompts_that_grew_are_an_alarm_about_tokens_and_cost(tmp_path: Path) -> None:
    own, peers = run(SCENE, effect("none"), 7)
    grown = np.where(own.hour >= SCENE.onset, own.input_tokens * 1.3, own.input_tokens).astype(np.int64)
    with stored(tmp_path, [replace(own, input_tokens=grown), *peers]) as ledger:
        found = on(looked(ledger))
    assert {(signal.service, signal.measure) for signal in found} == {
        ("service-0", "cost"),
        ("service-0", "input_tokens"),
    }
    assert all("prompts are longer" in signal.changed[0] for signal in found)


def test_a_slow_provider_is_not_each_services_regression(tmp_path: Path) -> None:
    scene = replace(SCENE, peers=4)
    own, peers = run(scene, effect("provider +20 %"), 7)
    with stored(tmp_path, [own, *peers]) as ledger:
        assert on(looked(ledger)) == []


def test_with_little_traffic_nothing_is_said(tmp_path: Path) -> None:
    own, _ = run(replace(SCENE, rate=1.0, peers=0), effect("+20 %"), 7)
    with stored(tmp_path, [own]) as ledger:
        found = looked(ledger)
    assert on(found) == []
    assert {signal.state for signal in found if signal.measure.endswith("_ms")} == {Measured.UNKNOWN}


def test_an_empty_ledger_has_no_regressions(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert look_for_regressions(ledger, STANDARDS, START_H * 3600.0) == []
