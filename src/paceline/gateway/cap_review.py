"""When learned output caps are looked at: once an hour for new ones, every minute for harm done.

Owns only the times; the ledger decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from paceline.gateway.planner import Planner
from paceline.ledger import Ledger

RELEARN_EVERY_S: Final = 3600.0

_log = logging.getLogger("paceline.control")


class CapReview:
    """Reviews the caps of the use cases whose standards say `max_output_tokens: learned`."""

    def __init__(self, ledger: Ledger, planner: Planner, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._planner = planner
        self._clock = clock
        self._relearned_at = float("-inf")

    def tick(self) -> None:
        """Change what is due; the planner sees it by the caps' version. Raises `LedgerError`."""
        use_cases, reasoning = self._planner.learning()
        if not use_cases:
            return
        now = self._clock()
        relearn = now - self._relearned_at >= RELEARN_EVERY_S
        if relearn:
            self._relearned_at = now
        for change in self._ledger.learning.review(use_cases, reasoning, time.time(), relearn=relearn):
            _log.info("cap of %s: %s -> %s (%s)", change.use_case, change.cap_from, change.cap_to, change.why)
