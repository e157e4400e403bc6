"""`make lint`: every check that runs no test. All run, whatever the others say; each failure is shown whole.

Owns the list of checks. Their rules are in pyproject.toml, Cargo.toml, clippy.toml, rustfmt.toml and deny.toml.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target" / "tools"
CARGO_DENY = "0.20.2"


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


CHECKS: dict[str, list[str]] = {
    "rustfmt": ["cargo", "fmt", "--all", "--check"],
    "ruff format": _python("ruff", "format", "--check", "--diff", "--quiet"),
    "ruff": _python("ruff", "check", "--quiet"),
    "mypy": _python("mypy"),
    "stubtest": _python("mypy.stubtest", "paceline._core"),
    "import-linter": ["lint-imports"],
    "interrogate": ["interrogate", "--quiet", "src"],
    "generated pages": _python("paceline.standards.generate", "--check"),
    "llms.txt": [sys.executable, "scripts/llms.py", "--check"],
    "cargo-deny": ["cargo-deny", "--locked", "check", "bans", "licenses", "sources"],
    "clippy": ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
}


def main() -> int:
    """Run all checks; the exit code is 0 only when all passed."""
    os.chdir(ROOT)
    os.environ["PATH"] = os.pathsep.join([str(TOOLS / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    failed = [name for name, command in CHECKS.items() if not _passes(name, command)]
    print(f"lint: {', '.join(failed)} failed" if failed else "lint: all checks passed")
    return 1 if failed else 0


def _passes(name: str, command: list[str]) -> bool:
    if command[0] == "cargo-deny":
        _install_cargo_deny()
    began = time.monotonic()
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0


def _install_cargo_deny() -> None:
    """Build it into target/ once; unoptimised, since that takes a third of the time and a check takes a second."""
    if shutil.which("cargo-deny"):
        return
    print(f"building cargo-deny {CARGO_DENY} into target/tools, once", flush=True)
    build = TOOLS / "build"
    command = ["cargo", "install", "--quiet", "--locked", "--profile", "dev", "--root", str(TOOLS)]
    command += ["--target-dir", str(build), f"cargo-deny@{CARGO_DENY}"]
    subprocess.run(command, check=False)
    shutil.rmtree(build, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
