"""From the standards file and the keys to a plan in force at the gateway.

Owns the decision when a new plan is due and which plan that is. A file with faults changes nothing: the last plan
stays in force, with the keys as they are now, and the faults are kept for people to see.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paceline import standards
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link, LinkError, PlanRefusedError
from paceline.ledger import Keep, Ledger

if TYPE_CHECKING:
    from paceline.standards import Plan, Standards

# How often the gateway is asked whether it still runs our plan; it may have been restarted or replaced.
COMPARE_EVERY_S = 1.0
_REASONING = "reasoning"

_log = logging.getLogger("paceline.control")


@dataclass
class PlanState:
    """What is known of the plan, for the status page."""

    wanted: str | None = None
    """Hash of the plan made last from a sound file."""
    in_force: str | None = None
    """Hash the gateway reported last; None when it does not answer or has none."""
    faults: list[dict[str, Any]] = field(default_factory=list)
    """Why the file as it stands now is not in force: its own faults, or what the gateway said of the plan."""
    made_at: float | None = None
    """Unix seconds."""


class Planner:
    """Makes plans when the file or the keys changed, and sees to it that the gateway runs the last sound one."""

    def __init__(self, path: Path, data: DataDir, ledger: Ledger, link: Link) -> None:
        self._path = path
        self._data = data
        self._ledger = ledger
        self._link = link
        self._seen: tuple[object, ...] | None = None
        self._sound: Standards | None = None
        self._plan: bytes | None = None
        self._refused: bytes | None = None
        """The plan that the gateway refused: not sent again until there is another."""
        self._file_faults: list[dict[str, Any]] = []
        self._compared_at = float("-inf")
        self.state = PlanState()

    def tick(self) -> None:
        """Look whether anything changed and act on it."""
        seen = (*self._stamp(), self._ledger.keys.version(), self._ledger.learning.version())
        if seen != self._seen:
            self._make()
            self._seen = seen
            self._compared_at = float("-inf")
        now = time.monotonic()
        if self._plan is not None and now - self._compared_at >= COMPARE_EVERY_S:
            self._compared_at = now
            self._deliver(self._plan)

    def learning(self) -> tuple[list[str], list[str]]:
        """List the use cases whose caps are learned, and those of them whose class is for reasoning."""
        terms = {} if self._sound is None else self._sound.use_cases
        names = [name for name, each in terms.items() if each.cap_learned]
        return names, [name for name in names if terms[name].built_in == _REASONING]

    @property
    def standards(self) -> Standards | None:
        """The last standards without a fault; none before there were any."""
        return self._sound

    def keep(self) -> Keep:
        """Return how much the standards let the ledger keep; the defaults while there are none."""
        if self._sound is None:
            return Keep()
        bounds = self._sound.options.ledger
        return Keep(
            requests_days=bounds.requests_days,
            requests_bytes=bounds.requests_bytes_max,
            minutes_days=bounds.minutes_days,
            ten_minutes_days=bounds.ten_minutes_days,
            hours_days=bounds.hours_days,
        )

    def _stamp(self) -> tuple[object, ...]:
        try:
            found = self._path.stat()
        except OSError:
            return (None,)
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _make(self) -> None:
        keys, caps = self._ledger.keys.planned(), self._ledger.learning.in_force()
        self._refused = None
        try:
            loaded = standards.load(self._path)
            faults = self._put(loaded.plan(keys, caps=caps))
            if not faults:
                self._sound, self._file_faults, self.state.faults = loaded, [], []
                return
        except standards.StandardsFaultyError as error:
            faults = [fault.as_dict() for fault in error.faults if not fault.warning]
        except standards.StandardsError as error:
            faults = [{"message": str(error)}]
        self._file_faults = faults
        self._refuse(faults)
        if self._sound is not None:  # a key revoked now must not live on until the faults are mended
            self._put(self._sound.plan(keys, caps=caps))

    def _put(self, plan: Plan) -> list[dict[str, Any]]:
        """Make this the plan to deliver, unless it is already; return why it cannot be."""
        from paceline import _core

        try:
            _core.check_plan(plan.json_bytes)
        except _core.PlanFault as fault:
            return [{"path": fault.path, "message": fault.message, "hint": fault.hint}]
        if plan.json_bytes == self._plan:
            return []
        self._ledger.plans.put(plan)
        self._data.write_private(self._data.plan, plan.json_bytes)
        self._plan = plan.json_bytes
        self.state.wanted, self.state.made_at = plan.hash, time.time()
        _log.info("plan %s made from %s", plan.hash[:12], self._path)
        return []

    def _refuse(self, faults: list[dict[str, Any]]) -> None:
        self.state.faults = faults
        _log.warning("%s: faults: %d; the plan before stays in force", self._path, len(faults))

    def _deliver(self, plan: bytes) -> None:
        try:
            found = self._link.status().get("plan")
            if found != self.state.wanted and self._refused == plan:
                self.state.in_force = found
                return
            if found != self.state.wanted:
                found = self._link.send_plan(plan)
                _log.info("plan %s is in force", found[:12])
            self._refused = None
            self.state.in_force, self.state.faults = found, self._file_faults
        except LinkError:
            self.state.in_force = None  # not started yet, or restarting: it reads plan.json, and we ask again
        except PlanRefusedError as refused:
            self._refused = plan
            self._refuse([{"path": refused.path, "message": refused.message, "hint": refused.hint}])
