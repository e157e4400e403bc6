"""Keeps a few processes running: starts them, waits until they are ready, restarts one that dies, stops them in order.

Owns child processes and their log files; the children stop as well when the supervisor itself is killed. Knows nothing
of what the processes do: `parts` describes those.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from paceline.gateway.lifeline import Lifeline

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 30.0
# A process that lived this long starts again without delay.
SETTLED_S = 60.0
READY_POLL_S = 0.05
# After so long without being ready, and again after as long, something is said.
PATIENCE_S = 10.0
LOG_BYTES_MAX = 10_000_000
LOG_CHECK_S = 5.0
EXIT_COULD_NOT = 2


@dataclass(frozen=True)
class Part:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    log: Path
    is_ready: Callable[[], bool]
    """Blocking and quick; called in a thread."""
    grace_s: float = 10.0
    """How long it may take to leave after SIGTERM."""


class PartFailedError(Exception):
    """A process ended before it was ever ready."""

    def __init__(self, part: Part, code: int) -> None:
        self.part = part
        self.code = code
        self.last_lines = _tail(part.log)
        super().__init__(f"{part.name} ended with exit code {code} before it was ready")


@dataclass
class _Running:
    part: Part
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    failed: int | None = None
    restarts: int = 0


class Supervisor:
    """Runs its parts until told to stop. Parts start together and stop one after the other, in the order given."""

    def __init__(self, parts: Sequence[Part], say: Callable[[str], None]) -> None:
        self._running = [_Running(part) for part in parts]
        self._say = say
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._lifeline = Lifeline()

    def stop_on_signals(self) -> None:
        """Make SIGTERM and SIGINT end `wait`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)

    def request_stop(self) -> None:
        """End `wait`; processes are stopped by `stop`."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """True once a stop was asked for."""
        return self._stopping.is_set()

    def pids(self) -> dict[str, int]:
        """Return the process id of each part that runs."""
        return {one.part.name: one.process.pid for one in self._running if one.process is not None}

    async def start(self) -> bool:
        """Start all parts; True when all are ready, False when a stop was asked for. Raises `PartFailedError`."""
        self._tasks = [asyncio.create_task(self._keep(one)) for one in self._running]
        self._tasks.append(asyncio.create_task(self._bound_logs()))
        for one in self._running:
            while not await self._first_of(one.ready, self._stopping, within_s=PATIENCE_S):
                self._say(f"still waiting for {one.part.name} to be ready; its log is {one.part.log}")
            if one.failed is not None:
                raise PartFailedError(one.part, one.failed)
        return not self.is_stopping

    async def wait(self) -> None:
        """Return when a stop was asked for."""
        await self._stopping.wait()

    async def stop(self) -> None:
        """Stop the parts one after the other; one that overstays its grace is killed."""
        self._stopping.set()
        for one in self._running:
            await self._stop_one(one)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lifeline.close()

    async def _keep(self, one: _Running) -> None:
        delay = BACKOFF_FIRST_S
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run_once(one)
            if self._stopping.is_set():
                return
            if not one.ready.is_set() and (code == EXIT_COULD_NOT or one.restarts >= 2):
                one.failed = code
                one.ready.set()
                return
            if time.monotonic() - started > SETTLED_S:
                delay = BACKOFF_FIRST_S
            self._say(f"{one.part.name} ended ({_exit(code)}); starting it again in {delay:g} s")
            await self._first_of(self._stopping, within_s=delay)
            delay = min(delay * 2, BACKOFF_MAX_S)
            one.restarts += 1

    async def _run_once(self, one: _Running) -> int:
        turn_over(one.part.log)
        with _open_log(one.part.log) as log:
            process = await asyncio.create_subprocess_exec(
                *one.part.command,
                stdin=self._lifeline.stdin,
                env=self._lifeline.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone, so that we choose the order of stopping
            )
        one.process = process
        watch = asyncio.create_task(self._watch_ready(one))
        try:
            return await process.wait()
        finally:
            watch.cancel()
            one.process = None

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            for one in self._running:
                await asyncio.to_thread(turn_over, one.part.log)

    async def _watch_ready(self, one: _Running) -> None:
        while not await asyncio.to_thread(one.part.is_ready):
            await asyncio.sleep(READY_POLL_S)
        if one.restarts:
            self._say(f"{one.part.name} is ready again")
        one.ready.set()

    async def _stop_one(self, one: _Running) -> None:
        process = one.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), one.part.grace_s)
        except TimeoutError:
            self._say(f"{one.part.name} did not leave within {one.part.grace_s:g} s; killing it")
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @staticmethod
    async def _first_of(*events: asyncio.Event, within_s: float) -> bool:
        """Wait for any of the events; False when none came in time."""
        tasks = [asyncio.create_task(event.wait()) for event in events]
        try:
            done, _ = await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            return bool(done)
        finally:
            for task in tasks:
                task.cancel()


def turn_over(path: Path) -> None:
    """Start a log anew when it has grown past its bound; what it held is beside it as `.1`, in place of what was there.

    The process goes on writing to the file it has open, so that one is copied and emptied, not renamed: it is open for
    appending, and what is written next stands at its start.
    """
    with suppress(OSError):  # a full disk has worse to report than this
        if path.stat().st_size > LOG_BYTES_MAX:
            before = path.with_suffix(".log.1")
            with _open_log(before) as copy, path.open("rb") as full:
                copy.truncate(0)
                shutil.copyfileobj(full, copy)
            os.truncate(path, 0)


def _open_log(path: Path) -> BinaryIO:
    """Open a log for appending, readable by its owner only, whatever it was before."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.fchmod(handle, 0o600)
    return os.fdopen(handle, "ab")


def _tail(path: Path, lines: int = 6) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
