"""Looks at many files: in this process where they are few, in one for each core where they are many.

Must not know the cache's form, nor what counts.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paceline.catalogue import load
from paceline.lint import fronts
from paceline.lint.cache import stamps
from paceline.lint.findings import Policy
from paceline.lint.look import Look, look

PARALLEL_BYTES = 1024 * 1024
"""Below this, starting processes takes longer than the work."""

_BATCH_BYTES = 512 * 1024
_PROCESSES_MAX = 8

Seen = tuple[str, tuple[int, int, int] | None, str, int, Any]
"""A file's name, its stamps and digest, when it was read, and the packed look."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads and looks at files below a root."""

    root: Path
    policy: Policy

    def one(self, name: str) -> Seen:
        """Look at one file."""
        path = self.root / name
        found = stamps(path)
        when = time.time_ns()
        unread = ""
        data = b""
        if found is not None and found[0] > fronts.BYTES_MAX:
            unread = f"is larger than {fronts.BYTES_MAX // 1024**2} MiB"
        elif found is not None and not path.is_file():
            unread = "is no regular file"  # reading a pipe would wait for whoever writes to it
        else:
            try:
                data = path.read_bytes()
            except OSError as error:
                unread = error.strerror or "cannot be read"
        seen = Look(unread=unread) if unread else self._look(data, name)
        return name, found, fronts.digest(data), when, seen.packed()

    def _look(self, data: bytes, name: str) -> Look:
        """Look at a file's bytes; a fault of the linter's own costs this file, not the run."""
        try:
            return look(data, name, load(), self.policy, self.root)
        except Exception as error:  # noqa: BLE001  # whatever it is, the file is named and the others are linted
            import traceback

            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}, line {where.lineno}"
            return Look(unread=f"the linter itself failed ({type(error).__name__} in {place}); please report it")

    def many(self, names: list[str]) -> list[Seen]:
        """Look at several files, in order."""
        return [self.one(name) for name in names]

    def all(self, names: list[str], progress: Callable[[int], None]) -> Iterator[Seen]:
        """Look at files in order; `progress` is told how many are done."""
        sizes = [found[0] if (found := stamps(self.root / name)) else 0 for name in names]
        processes = min(_cores(), _PROCESSES_MAX)
        alone = sum(sizes) < PARALLEL_BYTES or processes < 2 or threading.active_count() > 1 or not hasattr(os, "fork")
        if alone:
            for done, name in enumerate(names, 1):
                yield self.one(name)
                progress(done)
            return
        yield from self._parallel(_batches(names, sizes), processes, progress)

    def _parallel(self, batches: list[list[str]], processes: int, progress: Callable[[int], None]) -> Iterator[Seen]:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        _warm(batches)
        done = 0
        with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
            for seen in pool.map(self.many, batches):
                yield from seen
                done += len(seen)
                progress(done)


def _warm(batches: list[list[str]]) -> None:
    """Load what every process needs before there are several."""
    from paceline.lint.rules import all_rules

    load()
    all_rules()
    for module in {fronts.language(name) for batch in batches for name in batch}:
        fronts.front(module or "paceline.lint.python")


def _batches(names: list[str], sizes: list[int]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    room = _BATCH_BYTES
    for name, size in zip(names, sizes, strict=True):
        if room <= 0:
            found.append([])
            room = _BATCH_BYTES
        found[-1].append(name)
        room -= size
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
