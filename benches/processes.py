"""Processes under measurement: starting, waiting until they listen, their CPU time and memory, ending.

Owns everything read from /proc; a process stands for its whole tree, since nginx and our supervisor have children.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
READY_S = 30.0


@dataclass(frozen=True)
class Memory:
    """Bytes of a process tree: resident; with shared pages divided among those who share them; of no file."""

    rss: int
    pss: int
    anonymous: int


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """CPU time that the tree has used so far, in user and kernel mode."""
    ticks = 0
    for member in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S


def memory(pid: int) -> Memory:
    """Memory of the tree now."""
    total = {"Rss": 0, "Pss": 0, "Anonymous": 0}
    for member in tree(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in total:
                    total[name] += int(value.split()[0]) * 1024
    return Memory(rss=total["Rss"], pss=total["Pss"], anonymous=total["Anonymous"])


def free_port() -> int:
    """A port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(name: str, command: Sequence[str], port: int, folder: Path, **env: str) -> Iterator[int]:
    """Start a server, wait until its port accepts, yield its process id; end it with SIGTERM. Output goes to a file."""
    log = folder / f"{name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **env}, cwd=folder)
    try:
        deadline = time.monotonic() + READY_S
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"{name} did not start:\n{log.read_text()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
