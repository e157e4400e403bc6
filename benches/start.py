"""Start-up: CPU time of `paceline --help` and of `import paceline`.

Owns the repetition; CPU time is the child's own, user and kernel.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from figures import table

TIMES = 15
COMMANDS = {
    "python -c ''": ([sys.executable, "-c", ""], None),
    "import paceline": ([sys.executable, "-c", "import paceline"], 50),
    "paceline --help": ([str(Path(sys.executable).with_name("paceline")), "--help"], 150),
    "paceline validate --help": ([str(Path(sys.executable).with_name("paceline")), "validate", "--help"], None),
}


def cpu_ms(command: list[str]) -> float:
    """CPU milliseconds of one run."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)} failed"
        raise RuntimeError(message)
    return (usage.ru_utime + usage.ru_stime) * 1000


def show() -> None:
    """Measure and print."""
    rows = []
    for name, (command, most) in COMMANDS.items():
        cpu_ms(command)
        values = [cpu_ms(command) for _ in range(TIMES)]
        rows.append([name, f"{min(values):.0f} / {statistics.median(values):.0f}", str(most or "")])
    table("Start-up", ["CPU ms (min / median)", "used", "at most"], rows)
