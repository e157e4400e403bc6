"""From the standards file and the keys to a plan in force at the gateway.

Owns the decision when a new plan is due and which plan that is. A file with faults changes nothing: the last plan
stays in force and the faults are kept for people to see.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paceline import standards
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link, LinkError, PlanRefused
from paceline.ledger import Ledger

# How often the gateway is asked whether it still runs our plan; it may have been restarted or replaced.
COMPARE_EVERY_S = 1.0

_log = logging.getLogger("paceline.control")


@dataclass
class PlanState:
    """What is known of the plan, for the status page."""

    wanted: str | None = None
    """Hash of the plan made last from a sound file."""
    in_force: str | None = None
    """Hash the gateway reported last."""
    faults: list[dict[str, Any]] = field(default_factory=list)
    """Why the file as it stands now is not in force."""
    made_at: float | None = None


class Planner:
    """Makes plans when the file or the keys changed, and sees to it that the gateway runs the last sound one."""

    def __init__(self, path: Path, data: DataDir, ledger: Ledger, link: Link) -> None:
        self._path = path
        self._data = data
        self._ledger = ledger
        self._link = link
        self._seen: tuple[object, ...] | None = None
        self._plan: bytes | None = None
        self._compared_at = 0.0
        self.state = PlanState()

    def tick(self) -> None:
        """Look whether anything changed and act on it."""
        seen = (*self._stamp(), self._ledger.keys.version())
        if seen != self._seen:
            self._make()
            self._seen = seen
            self._compared_at = 0.0
        if self._plan is not None and time.monotonic() - self._compared_at >= COMPARE_EVERY_S:
            self._compared_at = time.monotonic()
            self._deliver(self._plan)

    def _stamp(self) -> tuple[object, ...]:
        try:
            found = os.stat(self._path)
        except OSError:
            return (None,)
        return (found.st_mtime_ns, found.st_size, found.st_ino)
