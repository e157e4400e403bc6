"""The linter on 700,000 lines of Python: cold, warm and on ten files, beside ruff; and its memory on 20,000 files.

    python benches/lint_speed.py [--trees DIR] [--mirrors DIR]

The tree is onyx at its commit when it is there; otherwise the interpreter's own library, over and over, with a call to
a model in every twelfth file. Wall time includes the start of the interpreter; CPU is of all processes together.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import processes
from figures import table
from lint_repositories import TREES, arguments, bring

LINES = 700_000
FILES = 20_000
TIMES = 5
ONYX = "onyx-dot-app+onyx"
CALL = b"\n\nimport openai\n\n\ndef ask(text):\n    return openai.OpenAI().responses.create(model='m', input=text)\n"
ALL = ["--mode", "enforce", "--fail-on", "never", "--tests", "--no-baseline"]
OURS = [sys.executable, "-m", "paceline", "check", *ALL]
RUFF = [
    str(Path(sys.executable).with_name("ruff")),
    "check",
    "--select",
    "F401",
    "--no-cache",
    "--quiet",
    "--exit-zero",
]


@dataclass(frozen=True)
class Run:
    """What one run took, or the middle of several; `least_ms` is the shortest wall time of those."""

    wall_ms: float
    cpu_ms: float
    least_ms: float


def show(trees: Path = TREES) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="paceline-lint-") as folder:
        scratch = Path(folder)
        tree = scratch / "tree"
        files, lines = lay(trees / ONYX, tree)
        cache = scratch / "cache"
        cold = median([*OURS, "--no-cache", "."], tree)
        with_cache = [*OURS, "--cache-dir", str(cache), "."]
        filling = run(with_cache, tree)
        warm = median(with_cache, tree)
        ten = median([*OURS, *some_with_sites(tree, 10)], tree)
        ruff = median([*RUFF, "."], tree)
        start = median([sys.executable, "-c", "import ast"], tree)
        rows = [
            row("cold, nothing kept", cold, 2000), row("the first run that keeps", filling, None),
            row("warm", warm, 300), row("ten files", ten, 150),
            row("ruff check --select F401 --no-cache", ruff, None), row("python -c 'import ast'", start, None),
        ]  # fmt: skip
        name = "onyx" if (trees / ONYX).is_dir() else "the interpreter's library"
        title = f"Linter: {files:,} files, {lines:,} lines of Python ({name})"
        table(title, ["", "wall ms, median (least)", "CPU ms", "wall at most"], rows)
        peak = memory_mb(tree, scratch / "many")
        rows = [[f"{FILES:,} files", f"{peak:.0f}", "500"]]
        table("Linter: memory", ["", "MB at its peak, all processes", "at most"], rows)


def row(name: str, took: Run, most: float | None) -> list[str]:
    """Write one line of the table."""
    return [name, f"{took.wall_ms:.0f} ({took.least_ms:.0f})", f"{took.cpu_ms:.0f}", f"{most:.0f}" if most else ""]


def lay(onyx: Path, tree: Path) -> tuple[int, int]:
    """Lay a tree of Python files and nothing else; returns how many files and lines it has."""
    source = onyx if onyx.is_dir() else Path(sysconfig.get_paths()["stdlib"])
    names = sorted(path for path in source.rglob("*.py") if path.is_file())
    files = lines = 0
    while lines < LINES:
        for number, path in enumerate(names):
            data = path.read_bytes()
            if source is not onyx and number % 12 == 0:
                data += CALL
            target = tree / f"part{files // len(names)}" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            files += 1
            lines += data.count(b"\n")
    return files, lines


def some_with_sites(tree: Path, number: int) -> list[str]:
    """Pick files as somebody would have changed them: every other one calls a model."""
    names = sorted(tree.rglob("*.py"))
    calling = [path for path in names if b"litellm" in path.read_bytes() or b"openai" in path.read_bytes()]
    half = number // 2
    picked = calling[:: max(1, len(calling) // half)][:half] + names[:: len(names) // number][: number - half]
    return [str(path.relative_to(tree)) for path in picked]


def median(command: list[str], where: Path) -> Run:
    """Run a command several times, after once for the disk, and take the middle of each figure."""
    run(command, where)
    runs = [run(command, where) for _ in range(TIMES)]
    wall, cpu = (statistics.median(each) for each in zip(*((one.wall_ms, one.cpu_ms) for one in runs), strict=True))
    return Run(wall, cpu, min(each.wall_ms for each in runs))


def run(command: list[str], where: Path) -> Run:
    """Run a command; its CPU time is that of all its processes."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=where, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = (time.perf_counter() - began) * 1000
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:6])} … failed: {said.decode()[-400:]}")
    return Run(wall, (usage.ru_utime + usage.ru_stime) * 1000, wall)


def memory_mb(tree: Path, many: Path) -> float:
    """Run over 20,000 files and return the most memory that all processes held together (proportional set size)."""
    names = sorted(tree.rglob("*.py"))
    for number in range(FILES):
        source = names[number % len(names)]
        target = many / f"copy{number // len(names)}" / source.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    process = subprocess.Popen([*OURS, "--no-cache", "."], cwd=many, stdout=subprocess.DEVNULL)
    peak = 0.0
    done = threading.Event()

    def look() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, processes.memory(process.pid).pss / 1e6)

    watching = threading.Thread(target=look)
    watching.start()
    failed = process.wait()
    done.set()
    watching.join()
    if failed:
        raise RuntimeError(f"paceline check failed with {failed}")
    return peak


if __name__ == "__main__":
    given = arguments("Measure the linter's speed and memory.").parse_args()
    if given.mirrors:
        bring(given.trees, given.mirrors)
    show(given.trees)
