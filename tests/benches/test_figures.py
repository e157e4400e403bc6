"""The benchmarks' arithmetic: turns, medians, ratios of rounds next to each other in time.

Owns benches/figures.py and benches/processes.py; no figure is measured or judged here.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest

BENCHES = Path(__file__).resolve().parents[2] / "benches"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHES))
    return importlib.import_module("figures")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHES))
    return importlib.import_module("processes")


def test_sides_take_turns_and_each_comes_first_as_often(figures: ModuleType) -> None:
    assert "".join(figures.turns("AB", 4)) == "ABBAABBA"
    assert "".join(figures.turns("ABC", 2)) == "ABCCBA"


def test_ratios_compare_neighbouring_rounds(figures: ModuleType) -> None:
    measured = figures.Turns()
    for side, cost in [("ours", 3.0), ("theirs", 2.0), ("theirs", 4.0), ("ours", 4.0), ("ours", 6.0), ("theirs", 3.0)]:
        measured.add(side, cost)
    assert (measured.least("ours"), measured.median("ours")) == (3.0, 4.0)
    assert measured.ratios("ours", "theirs") == [1.0, 1.5, 2.0]


def test_a_table_lines_up(figures: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    figures.table("Title", ["what", "µs"], [["one", "5"], ["three", "12.5"]])
    assert capsys.readouterr().out == "\nTitle\n  what     µs\n  one       5\n  three  12.5\n"


def test_a_process_has_cpu_time_and_memory(processes: ModuleType) -> None:
    assert os.getpid() in processes.tree(os.getppid())
    assert processes.cpu_s(os.getpid()) > 0
    found = processes.memory(os.getpid())
    assert 0 < found.pss <= found.rss


@pytest.mark.nginx
def test_nginx_takes_the_benchmarks_configuration(
    component: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(BENCHES))
    monkeypatch.setenv("PACELINE_TEST_NGINX", component)
    sides = importlib.import_module("sides")
    with sides.simulator(tmp_path) as direct, sides.nginx(tmp_path, direct) as nginx:
        assert (direct.name, nginx.name) == ("direct", "nginx")
    with sides.simulator(tmp_path) as direct, sides.gateway(tmp_path, direct) as gateway:
        assert gateway.headers["authorization"].startswith("Bearer pk-")
