"""`make test`: all tests, against real components. Rust first, Python last, so that pytest's summary ends the output.

Owns which components a run has: what is missing is installed where that is possible (Debian, as root); elsewhere each
suite left out is named with the reason, and with CI=true leaving one out is a failure.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from components import COMPONENTS, install_missing
from postgres import private_cluster

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Run the suites; the exit code is 0 only when all passed."""
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _raise_file_limit()
    python_only = "--python-only" in arguments
    passed_on = [argument for argument in arguments if argument != "--python-only"]
    missing = install_missing()
    for component, reason in missing.items():
        print(f"left out: the {component.marker} suites: {reason}", flush=True)
    if missing and os.environ.get("CI") == "true":
        print("with CI=true no suite may be left out", file=sys.stderr)
        return 1
    rust = 0 if python_only else _cargo_test()
    with contextlib.ExitStack() as stack:
        for component in COMPONENTS:
            if component in missing or os.environ.get(component.variable):
                continue
            place = component.find() or ""
            if component.marker == "postgres":
                place = stack.enter_context(private_cluster(place))
            os.environ[component.variable] = place
        if rust:
            print(f"cargo test failed (exit code {rust}); the Python tests follow", file=sys.stderr, flush=True)
        python = subprocess.run([sys.executable, "-m", "pytest", *passed_on], check=False).returncode
    return rust or python


def _cargo_test() -> int:
    command = ["cargo", "test", "--workspace", "--locked", "--no-fail-fast", "--", "--quiet"]
    return subprocess.run(command, check=False).returncode


def _raise_file_limit() -> None:
    """Allow the thousands of connections that some tests open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
