"""`make bench`: every figure of the documentation, measured here and now. `ARGS="plain idle"` for some of them.

Owns the order of the sections. Nothing here is a test: a figure over its target is printed beside it, not an error.
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import export
import latency
import memory
import others
import profiles
import relay_cpu
import sides
import stalls
import start

HERE = Path(__file__).resolve().parent
SECTIONS = (
    *("start", "plain", "paced", "full", "big", "hit", "otlp", "latency", "idle", "streams", "stalls", "soak"),
    *("ingest", "live", "dashboard", "lint"),
)
ON_REQUEST = ("profiles", "beside", "lint-accuracy", "lint-fixes")
APART = {
    "ingest": "ingest",
    "live": "live",
    "dashboard": "dashboard",
    "lint": "lint_speed",
    "lint-accuracy": "lint_accuracy",
    "lint-fixes": "lint_fixes",
}
"""Sections that are programs of their own; those of the linter's accuracy and fixes fetch public code."""
PAIRS = 4


def main(wanted: list[str]) -> int:
    """Run the sections asked for, or all."""
    unknown = [name for name in wanted if name not in SECTIONS + ON_REQUEST]
    if unknown:
        print(f"bench: no section {', '.join(unknown)}; there are {', '.join(SECTIONS + ON_REQUEST)}", file=sys.stderr)
        return 2
    chosen = wanted or list(SECTIONS)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Linux {platform.release()}")
    if "start" in chosen:
        start.show()
    if set(chosen) - {"start", *APART}:
        with tempfile.TemporaryDirectory(prefix="paceline-bench-") as folder:
            against_nginx(chosen, Path(folder))
    for name in [name for name in APART if name in chosen]:
        failed = subprocess.run([sys.executable, str(HERE / f"{APART[name]}.py")], check=False).returncode
        if failed:
            return failed
    return 0


def against_nginx(chosen: list[str], folder: Path) -> None:
    """Run what needs the simulated provider."""
    with contextlib.ExitStack() as stack:
        direct = stack.enter_context(sides.simulator(folder))
        gateways_alone(chosen, direct, folder)
        if not set(chosen) & {*relay_cpu.TRAFFIC, "hit", "latency", "streams", "stalls", "soak", "beside"}:
            return
        nginx = stack.enter_context(sides.nginx(folder, direct))
        gateway = stack.enter_context(sides.gateway(folder, direct))
        measured = {}
        for name in [name for name in relay_cpu.TRAFFIC if name in chosen]:
            beside = [nginx, gateway]
            if name == "big":
                beside.insert(1, stack.enter_context(sides.nginx(folder, direct, body_buffer="1m")))
            measured[name] = relay_cpu.measure(relay_cpu.TRAFFIC[name], beside, folder, PAIRS)
        if measured:
            relay_cpu.show(measured)
        if "hit" in chosen:
            relay_cpu.show_hits(gateway, folder, PAIRS)
        if "latency" in chosen:
            latency.show([direct, nginx, gateway], folder, PAIRS)
        if "streams" in chosen:
            memory.show_streams([nginx, gateway], folder)
        if "stalls" in chosen:
            stalls.show([direct, nginx, gateway], folder)
        if "soak" in chosen:
            memory.show_soak(gateway, folder)
        if "beside" in chosen:
            others.show([nginx, gateway], folder, direct, PAIRS)


def gateways_alone(chosen: list[str], direct: sides.Side, folder: Path) -> None:
    """Run what compares the gateway with itself."""
    if "profiles" in chosen:
        profiles.show(direct, folder, PAIRS)
    if "idle" in chosen:
        memory.show_idle(folder, direct)
    if "otlp" in chosen:
        export.show(direct, folder, PAIRS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
