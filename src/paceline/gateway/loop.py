"""A piece of work repeated in a thread of its own, with its last fault kept for the status page."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

BACKOFF_MAX_S = 10.0

_log = logging.getLogger("paceline.control")


class Loop:
    """Calls `work` every `every_s` seconds until stopped; a fault is logged, kept, and tried again with back-off."""

    def __init__(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        self.name = name
        self.fault: str | None = None
        self.done_at: float | None = None
        self._every_s = every_s
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name=name, daemon=True)

    def start(self) -> None:
        """Start repeating."""
        self._thread.start()

    def stop(self) -> None:
        """Let the round that runs finish, then end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _repeat(self) -> None:
        wait_s = self._every_s
        while not self._stop.is_set():
            wait_s = self._every_s if self.once() else min(max(wait_s, 0.5) * 2, BACKOFF_MAX_S)
            self._stop.wait(wait_s)

    def once(self) -> bool:
        """Do one round; return whether it went well."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  # whatever it was, the loop must live and the fault be shown
            fault = f"{type(error).__name__}: {error}"
            if fault != self.fault:
                _log.warning("%s: %s", self.name, fault)
            self.fault = fault
            return False
        if self.fault is not None:
            _log.warning("%s: works again", self.name)
        self.fault = None
        self.done_at = time.time()
        return True
