"""2,000 streams at once, a token every 100 ms each: does the gateway hold any of them up?

Owns the question. What is measured is the longest wait inside each answer, at the client; the same without a gateway
stands beside it, for client and simulator share the cores.
"""

from __future__ import annotations

from pathlib import Path

import loads
import processes
from figures import table
from loads import Load
from sides import Side

STREAMS = 2_000
TOKENS = 100
TOKEN_MS = 100
STALL_MS = 1_000


def show(sides: list[Side], folder: Path) -> None:
    """Run the streams through each side in turn."""
    load = Load("bench-read", True, STREAMS, STREAMS, TOKENS)
    rows = []
    for side in sides:
        before = processes.cpu_s(side.pid)
        answer = loads.run(side, load, folder)
        cores = (processes.cpu_s(side.pid) - before) / answer["elapsed_s"]
        gaps = [answer["gap_us"][name] / 1000 for name in ("p50", "p99", "max")]
        stalled = "none" if gaps[-1] < STALL_MS else "yes"
        rows.append([side.name, *(f"{gap:.0f}" for gap in gaps), stalled, f"{cores:.2f}"])
    head = [f"{STREAMS:,} streams, {TOKENS} tokens at {TOKEN_MS} ms each", "p50", "p99", "longest", "over 1 s", "cores"]
    table("Longest wait inside an answer, ms", head, rows)
