"""What the relay adds to a call at one connection, against a direct one, and whether a busy Python process moves it.

Owns the pairing: direct, nginx and gateway take turns, and what is added is the difference of the medians of rounds.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import loads
from figures import Turns, table, turns
from loads import Load
from sides import Side

CALLS = {
    "plain": Load("bench-instant", False, 1, 3_000, 16),
    "first event of a stream": Load("bench-instant", True, 1, 2_000, 16),
}


@contextlib.contextmanager
def busy_python() -> Iterator[None]:
    """Keep one Python process spinning beside it, as a control process under load would."""
    process = subprocess.Popen([sys.executable, "-c", "while True: sum(range(1000))"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(load: Load, sides: list[Side], folder: Path, pairs: int) -> dict[str, Turns]:
    """Let the sides take turns; return p50 and p99 in microseconds of each round."""
    result = {"p50": Turns(), "p99": Turns()}
    by_name = {side.name: side for side in sides}
    key = "first_us" if load.stream else "total_us"
    for name in turns(list(by_name), pairs):
        answer = loads.run(by_name[name], load, folder)
        for percentile, values in result.items():
            values.add(name, answer[key][percentile])
    return result


def show(sides: list[Side], folder: Path, pairs: int) -> None:
    """Measure and print all calls, quiet and beside a busy process."""
    rows = []
    for label, beside in (("", contextlib.nullcontext), (", busy Python beside", busy_python)):
        for name, load in CALLS.items():
            with beside():
                measured = measure(load, sides, folder, pairs)
            direct = {percentile: values.median("direct") for percentile, values in measured.items()}
            row = [name + label, f"{direct['p50']:.0f} / {direct['p99']:.0f}"]
            for side in ("nginx", "gateway"):
                added = [f"{measured[percentile].median(side) - direct[percentile]:+.0f}" for percentile in measured]
                row.append(" / ".join(added))
            rows.append(row)
    head = ["µs (p50 / p99), one connection", "direct", "nginx adds", "gateway adds"]
    table("Latency added at one connection", head, rows)
