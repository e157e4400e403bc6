"""Plans that the gateway refuses, and caps that were learned: what the planner makes of both."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.admin_socket import AdminSocket, admin_socket
from tests.gateway.test_control import STANDARDS
from tests.ledger.journal_files import Record, write_segment

from paceline.gateway import planner as module
from paceline.gateway.cap_review import CapReview
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link
from paceline.gateway.planner import Planner
from paceline.ledger import Keep, Ledger, open_ledger

REFUSAL = {"path": "providers", "message": "the trust store is empty", "hint": "mend it"}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


@pytest.fixture
def ledger(data: DataDir) -> Iterator[Ledger]:
    with open_ledger(data.path) as opened:
        yield opened


@pytest.fixture
def gateway(ledger: Ledger, data: DataDir) -> Iterator[AdminSocket]:
    assert ledger
    with admin_socket(data.socket) as socket:
        yield socket


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    path = tmp_path / "paceline.yaml"
    path.write_text(STANDARDS)
    return path


@pytest.fixture
def planner(
    standards: Path, data: DataDir, ledger: Ledger, gateway: AdminSocket, monkeypatch: pytest.MonkeyPatch
) -> Planner:
    assert gateway.plans == []
    monkeypatch.setattr(module, "COMPARE_EVERY_S", 0.0)
    return Planner(standards, data, ledger, Link(data.socket))


def test_a_refused_plan_is_sent_and_logged_once(
    planner: Planner, gateway: AdminSocket, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.refusal = REFUSAL
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            planner.tick()
    assert (len(gateway.plans), len(caplog.records)) == (1, 1)
    assert planner.state.faults == [REFUSAL]
    assert planner.state.in_force is None
    ledger.keys.create(service="helpdesk")
    planner.tick()
    assert len(gateway.plans) == 2, "another key, another plan"


def test_faults_go_when_the_gateway_takes_the_plan_after_all(planner: Planner, gateway: AdminSocket) -> None:
    gateway.refusal = REFUSAL
    planner.tick()
    gateway.plan = planner.state.wanted  # it was started anew and took the plan from the disk
    planner.tick()
    assert (planner.state.faults, planner.state.in_force) == ([], planner.state.wanted)


def test_a_mended_file_is_sent_and_its_faults_are_gone(planner: Planner, gateway: AdminSocket, standards: Path) -> None:
    gateway.refusal = REFUSAL
    planner.tick()
    gateway.refusal = None
    standards.write_text(STANDARDS.replace("organisation: Test", "organisation: Mended"))
    planner.tick()
    assert len(gateway.plans) == 2
    assert (planner.state.faults, planner.state.in_force) == ([], planner.state.wanted)


def test_a_files_own_faults_stay_while_the_plan_before_is_in_force(
    planner: Planner, gateway: AdminSocket, standards: Path
) -> None:
    planner.tick()
    standards.write_text(STANDARDS.replace("owner: support", "owner: suport"))
    for _ in range(3):
        planner.tick()
    assert [fault["path"] for fault in planner.state.faults] == ["services.helpdesk.owner"]
    assert planner.state.in_force == planner.state.wanted == gateway.plan
    assert len(gateway.plans) == 1


def test_a_learned_cap_enters_the_plan_and_leaves_it_again(
    planner: Planner, ledger: Ledger, standards: Path, data: DataDir
) -> None:
    standards.write_text(STANDARDS.replace("task: chat}}", "task: chat, max_output_tokens: learned}}"))
    planner.tick()
    moment = [0.0]
    review = CapReview(ledger, planner, lambda: moment[0])
    review.tick()
    assert cap_of(data) == (1024, False), "nothing is known yet"
    write_segment(data.path / "journal", 1, answers(300, 200))
    ledger.ingest(data.path / "journal")
    moment[0] = 600.0
    review.tick()
    assert ledger.learning.in_force() == {}, "looked at ten minutes ago"
    moment[0] = 3600.0
    review.tick()
    planner.tick()
    cap, learned = cap_of(data)
    assert learned
    assert cap == ledger.learning.in_force()["support-chat"]
    standards.write_text(STANDARDS)
    planner.tick()
    assert cap_of(data) == (1024, False)
    assert planner.learning() == ([], [])


def test_a_class_of_ones_own_reasons_if_it_comes_from_one_that_does(planner: Planner, standards: Path) -> None:
    text = STANDARDS.replace("class: chat, task: chat}", "class: proofs, task: chat, max_output_tokens: learned}")
    standards.write_text(text + "classes: {proofs: {extends: reasoning}}\n")
    planner.tick()
    assert planner.learning() == (["support-chat"], ["support-chat"])


def cap_of(data: DataDir) -> tuple[int, bool]:
    use_case = json.loads(data.plan.read_bytes())["use_cases"][0]
    return use_case["max_output_tokens"], use_case["cap_learned"]


def answers(n: int, tokens: int) -> list[Record]:
    import time

    return [Record(number, start_s=time.time() - 300, tokens=(100, 0, 0, tokens, 0)) for number in range(n)]


def test_how_long_the_ledger_keeps_its_rows_is_in_the_standards(planner: Planner, standards: Path) -> None:
    assert planner.keep() == Keep(), "nothing is known yet"
    standards.write_text(f"{STANDARDS}ledger: {{requests_bytes_max: 1GiB, minutes_days: 7}}\n")
    planner.tick()
    assert planner.keep() == Keep(requests_bytes=1 << 30, minutes_days=7)
    standards.write_text("version: 2\n")
    planner.tick()
    assert planner.keep().minutes_days == 7, "faults change nothing"
