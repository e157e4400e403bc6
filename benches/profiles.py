"""Release profiles side by side: build time, size, CPU per request and per event. `make bench ARGS=profiles`.

Owns the choice's evidence (CONTRIBUTING.md, "Release profile"): every variant is built from nothing into a folder of
its own, then all take turns under the same load. Not part of a plain `make bench`, since it builds for many minutes.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import relay_cpu
from figures import table
from sides import Build, Side, gateway

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("plain", "full")


@dataclass(frozen=True)
class Profile:
    """One setting of the release profile."""

    lto: str
    units: int

    @property
    def name(self) -> str:
        """As in Cargo.toml."""
        return f"lto {self.lto}, {self.units} units"


PROFILES = (Profile("off", 16), Profile("off", 1), Profile("thin", 16), Profile("fat", 1))


@dataclass(frozen=True)
class Built:
    """A package built with one profile."""

    sources: Path
    cpu_s: float
    wall_s: float
    size_bytes: int


def build(profile: Profile) -> Built:
    """Build the native module beside a copy of the Python sources; times are those from nothing only the first time."""
    target = ROOT / "target" / "profiles" / profile.name.replace(" ", "-").replace(",", "")
    env = {
        **os.environ,
        "PYO3_PYTHON": sys.executable,
        "CARGO_TARGET_DIR": str(target),
        "CARGO_PROFILE_RELEASE_LTO": profile.lto,
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": str(profile.units),
    }
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--locked", "-p", "paceline-py"], cwd=ROOT, env=env, check=True
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sources = target / "src"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    library = target / "release" / ("lib_core.dylib" if sys.platform == "darwin" else "lib_core.so")
    module = sources / "paceline" / "_core.abi3.so"
    shutil.copy(library, module)
    return Built(sources, cpu, wall, module.stat().st_size)


def show(upstream: Side, folder: Path, pairs: int) -> None:
    """Build all, let them take turns, print one row each."""
    built = {profile.name: build(profile) for profile in PROFILES}
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(gateway(folder, upstream, name=name, build=Build(one.sources)))
            for name, one in built.items()
        ]
        costs = {kind: relay_cpu.measure(relay_cpu.TRAFFIC[kind], running, folder, pairs) for kind in KINDS}
    rows = []
    for name, one in built.items():
        figures = [f"{cost.least(name):.2f} / {cost.median(name):.2f}" for cost in costs.values()]
        rows.append([name, f"{one.cpu_s:.0f} / {one.wall_s:.0f}", f"{one.size_bytes / 1e6:.1f}", *figures])
    head = ["profile", "build CPU / wall, s", "size, MB", "µs a plain request", "µs a full-speed event"]
    table("Release profiles (min / median)", head, rows)
