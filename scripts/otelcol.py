"""The OpenTelemetry collector of the tests, built from `scripts/otelcol/` with Go into `target/tools`.

Owns when it is built anew: when its source or a version changes. go.mod pins the versions, go.sum their contents.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "scripts" / "otelcol"
PROGRAM = ROOT / "target" / "tools" / "otelcol"
_STAMP = PROGRAM.with_suffix(".stamp")


def find() -> str | None:
    """Return the path of the program, if it is there and of the present source."""
    return str(PROGRAM) if PROGRAM.exists() and _STAMP.exists() and _STAMP.read_text() == _source() else None


def build() -> str | None:
    """Build it; return why it could not be."""
    go = shutil.which("go")
    if go is None:
        return "no go on this machine (1.26 or newer builds it)"
    print("building the OpenTelemetry collector for the tests: a minute or two the first time", flush=True)
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    command = [go, "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=-s -w", "-o", str(PROGRAM), "."]
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    nice = [found, "-n", "10"] if (found := shutil.which("nice")) else []
    done = subprocess.run([*nice, *command], cwd=SOURCE, env=env, check=False)
    if done.returncode:
        return f"go build ended with {done.returncode}"
    _STAMP.write_text(_source())
    return None


def _source() -> str:
    digest = hashlib.sha256()
    for name in ("main.go", "go.mod", "go.sum"):
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()
