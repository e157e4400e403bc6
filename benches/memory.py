"""Memory: gateway and control process at rest, and what one open stream costs at 2,000.

Owns when memory is read: at rest after both answered, under streams when every stream has begun.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import loads
import processes
from figures import table
from loads import Load
from sides import Side, gateway, standards_text

STREAMS = 2_000
SOAK = 1_000_000
SOAK_STEP = 100_000
SOAK_WARM = 500_000
"""Tables of what was asked lately fill to their bounds first."""
SETTLE_S = 3.0
REST_S = 30.0
"""Every loop of the control process has gone round by then, and has loaded what it needs."""
MB = 1 << 20


def show_idle(folder: Path, upstream: Side) -> None:
    """Start gateway and control as `paceline up` would, leave them alone, print what they hold."""
    with gateway(folder, upstream, threads=None) as side:
        data = folder / f"gateway-{side.port}"
        port = processes.free_port()
        (data / "paceline.yaml").write_text(standards_text(upstream.port))
        command = [sys.executable, "-m", "paceline", "control", "--data", str(data)]
        command += ["--standards", str(data / "paceline.yaml"), "--listen", f"127.0.0.1:{port}"]
        with processes.running(f"control-{port}", command, port, folder, BENCH_PROVIDER_KEY="sk-bench") as control:
            time.sleep(REST_S)
            found = {"gateway": processes.memory(side.pid), "control": processes.memory(control)}
    rows = [[name, f"{memory.rss / MB:.1f}", f"{memory.pss / MB:.1f}", ""] for name, memory in found.items()]
    rss, pss = (sum(getattr(memory, kind) for memory in found.values()) / MB for kind in ("rss", "pss"))
    rows.append(["together", f"{rss:.1f}", f"{pss:.1f}", "120"])
    table("Memory at rest", ["MB", "RSS", "PSS", "at most"], rows)


def show_streams(sides: list[Side], folder: Path) -> None:
    """Open 2,000 slow streams through each side in turn; print what each stream adds."""
    rows = []
    load = Load("bench-slow", True, STREAMS, STREAMS, 40)
    for side in sides:
        loads.run(side, Load("bench-instant", True, 16, 64, 16), folder)
        before = processes.memory(side.pid)
        command = loads.command(side, load, folder, announce=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            begun = client.stdout.readline().strip()
            time.sleep(SETTLE_S)
            under = processes.memory(side.pid)
            client.stdout.read()
        if begun != "begun" or client.returncode:
            message = f"{side.name}: not all of {STREAMS} streams went through"
            raise RuntimeError(message)
        each = (under.rss - before.rss) / STREAMS / 1024
        target = "24" if side.name == "gateway" else ""
        rows.append([side.name, f"{before.rss / MB:.1f}", f"{under.rss / MB:.1f}", f"{each:.1f}", target])
    head = [f"{STREAMS:,} paced streams", "RSS before, MB", "RSS under, MB", "KB a stream", "at most"]
    table("Memory of open streams", head, rows)


def show_soak(side: Side, folder: Path) -> None:
    """Send a million requests after a warm-up; print memory along the way, and how far it moved.

    What counts is memory of no file: the journal's mapped segment grows to its bound and begins anew, over and over.
    """
    step = Load("bench-instant", False, 32, SOAK_STEP, 16)
    found = []
    for _ in range((SOAK_WARM + SOAK) // SOAK_STEP):
        loads.run(side, step, folder)
        found.append(processes.memory(side.pid))
    found = found[SOAK_WARM // SOAK_STEP - 1 :]
    rows = []
    for name, target in (("anonymous", "5 %"), ("rss", "")):
        sizes = [getattr(memory, name) / MB for memory in found]
        moved = max(abs(size - sizes[0]) for size in sizes) / sizes[0] * 100
        rows.append(
            [f"{name}, MB", f"{sizes[0]:.1f}", f"{min(sizes):.1f} to {max(sizes):.1f}", f"{moved:.1f} %", target]
        )
    table(f"Memory over {SOAK:,} requests", ["", f"after {SOAK_WARM:,}", "from there", "moved", "at most"], rows)
