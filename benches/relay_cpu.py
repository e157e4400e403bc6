"""CPU time of the relay beside nginx: per request and per streamed event, four kinds of traffic.

Owns the four loads and their targets. The CPU is that of the proxy's whole process tree, not of the client nor of the
provider; sides take turns within one run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import loads
import processes
from figures import Turns, table, turns
from loads import Load
from sides import Side


@dataclass(frozen=True)
class Traffic:
    """A load, what its cost is divided by, and the ratio to nginx that we hold ourselves to."""

    title: str
    load: Load
    per: str
    target: float


TRAFFIC = {
    "plain": Traffic("plain, 32 connections", Load("bench-instant", False, 32, 100_000, 16), "request", 1.5),
    "paced": Traffic("stream paced at 5 ms, 64 connections", Load("bench-paced", True, 64, 384, 200), "event", 1.2),
    "full": Traffic("stream at full speed, 16 connections", Load("bench-instant", True, 16, 1_200, 500), "event", 2.0),
    "big": Traffic(
        "400 KB prompts, 16 connections", Load("bench-instant", False, 16, 4_000, 16, 400_000), "request", 1.3
    ),
}


HIT = Load("bench-instant", False, 32, 100_000, 16, temperature=0)
"""Always the same request: the cache answers all but the first."""
HIT_US_MAX = 60.0


def show_hits(gateway: Side, folder: Path, rounds: int) -> None:
    """Print what an answer from the exact cache costs the gateway."""
    costs = []
    loads.run(gateway, replace(HIT, requests=HIT.requests // 8), folder)
    for _ in range(rounds):
        before = processes.cpu_s(gateway.pid)
        answered = loads.run(gateway, HIT, folder)["answered"]
        costs.append((processes.cpu_s(gateway.pid) - before) / answered * 1e6)
    costs.sort()
    row = [
        "cache hit, 32 connections, a request",
        f"{costs[0]:.1f} / {costs[len(costs) // 2]:.1f}",
        f"{HIT_US_MAX:.0f}",
    ]
    table("Exact cache", ["CPU µs (min / median)", "gateway", "at most"], [row])


def rounds(traffic: Traffic, side: Side, folder: Path, count: int) -> tuple[list[float], list[dict[str, Any]]]:
    """One side alone, after a shorter round that does not count: costs in microseconds, ascending, and the answers."""
    warm = replace(traffic.load, requests=max(traffic.load.connections, traffic.load.requests // 8))
    loads.run(side, warm, folder)
    costs, answers = [], []
    for _ in range(count):
        before = processes.cpu_s(side.pid)
        answers.append(loads.run(side, traffic.load, folder))
        units = answers[-1]["events"] if traffic.per == "event" else answers[-1]["answered"]
        costs.append((processes.cpu_s(side.pid) - before) / units * 1e6)
    return sorted(costs), answers


def measure(traffic: Traffic, sides: list[Side], folder: Path, pairs: int) -> Turns:
    """Let the sides take turns; one shorter round each comes first and does not count."""
    result = Turns()
    by_name = {side.name: side for side in sides}
    warm = replace(traffic.load, requests=max(traffic.load.connections, traffic.load.requests // 8))
    for side in sides:
        loads.run(side, warm, folder)
    for name in turns(list(by_name), pairs):
        side = by_name[name]
        before = processes.cpu_s(side.pid)
        answer = loads.run(side, traffic.load, folder)
        spent = processes.cpu_s(side.pid) - before
        units = answer["events"] if traffic.per == "event" else answer["answered"]
        result.add(name, spent / units * 1e6)
    return result


def show(measured: dict[str, Turns]) -> None:
    """Print one row per kind of traffic."""
    rows = []
    for name, costs in measured.items():
        traffic = TRAFFIC[name]
        for other in [side for side in costs.rounds if side != "gateway"]:
            ratios = costs.ratios("gateway", other)
            ratio = costs.median("gateway") / costs.median(other)
            rows.append([
                f"{traffic.title}, a {traffic.per}",
                f"{costs.least('gateway'):.1f} / {costs.median('gateway'):.1f}",
                f"{other} {costs.least(other):.1f} / {costs.median(other):.1f}",
                f"{ratio:.2f}",
                f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
                f"{traffic.target:.1f}",
            ])  # fmt: skip
    head = ["CPU µs (min / median)", "gateway", "beside", "ratio of medians", "ratios of rounds", "at most"]
    table("CPU beside nginx, everything on", head, rows)
