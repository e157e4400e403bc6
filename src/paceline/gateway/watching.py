"""The watch over budgets as the control process runs it: owners from the standards, what happened into the log.

Owns only that; the watch itself is governance's.
"""

from __future__ import annotations

import logging
import time

from paceline.gateway.planner import Planner
from paceline.governance.incidents.rules import rules_of
from paceline.governance.incidents.watch import watch
from paceline.ledger import Ledger

_log = logging.getLogger("paceline.control")


class Watching:
    """Judges every limit by the traffic since the last time."""

    def __init__(self, ledger: Ledger, planner: Planner) -> None:
        self._ledger = ledger
        self._planner = planner

    def tick(self) -> None:
        """Look once. Raises `LedgerError`."""
        standards = self._planner.standards
        if standards is None:
            return
        for incident, what in watch(self._ledger, time.time(), rules_of(standards)):
            _log.warning("incident %s %s; `paceline incidents show %s`", incident, what, incident)
