"""Governance as the control process runs it: looks, incidents, who is told, what is sent. One process at a time acts.

Owns the order and the times; the work itself is governance's. A look that fails does not stop the others.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from paceline.gateway.planner import Planner
from paceline.governance.alerts.delivery import deliver
from paceline.governance.incidents.following import follow
from paceline.governance.incidents.grouping import group
from paceline.governance.incidents.judging import Happened
from paceline.governance.incidents.rules import rules_of
from paceline.governance.incidents.signal import Signal
from paceline.governance.incidents.telling import remind_of_waivers, tell
from paceline.governance.incidents.watch import watch
from paceline.governance.review.sending import send_due_review
from paceline.ledger import Ledger, LedgerError
from paceline.ledger.events import Event

if TYPE_CHECKING:
    from paceline.standards import Standards

__all__ = ["LEASE", "Governing"]

LEASE: Final = "govern"
LOOK_EVERY_S: Final = 300.0
BEHIND_S: Final = 60.0
"""So far behind the journals, looks wait."""
MESSAGES_S: Final = 90 * 86_400.0
EVENTS_S: Final = 400 * 86_400.0
LINT_S: Final = 400 * 86_400.0
_CHANGES_MAX: Final = 5

_log = logging.getLogger("paceline.control")


class Governing:
    """Judges traffic and follows what comes of it."""

    def __init__(self, ledger: Ledger, planner: Planner, taken_in: Callable[[], float | None]) -> None:
        """Judge what is in the ledger; `taken_in`: Unix seconds up to which all of it is there, none for not known."""
        self._ledger = ledger
        self._planner = planner
        self._taken_in = taken_in
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._looked_at = 0.0
        self._seen: Standards | None = None

    def tick(self) -> None:
        """Look at the traffic, and write what is to be told. Raises the first `LedgerError` after all was tried."""
        standards = self._planner.standards
        if standards is None or not self._ledger.leases.holds(LEASE, self._holder):
            return
        now = time.time()
        self._note_changes(standards, now)
        rules = rules_of(self._ledger, standards, now)
        happened: list[Happened] = []
        failed: LedgerError | None = None
        known = self._taken_in()
        if known is not None:
            happened += watch(self._ledger, min(now, known), rules)
        if known is not None and now - known < BEHIND_S:  # else what is missing would look like silence
            signals, failed = self._look(standards, now)
            happened += follow(self._ledger, signals, now, rules)
        happened += group(self._ledger, now, standards.options.alerting.default_team or "")
        tell(self._ledger, standards, now)
        remind_of_waivers(self._ledger, standards, now)
        send_due_review(self._ledger, standards, now)
        _logged(happened)
        if failed is not None:
            raise failed

    def forget(self) -> None:
        """Delete old messages, events and words of the linter. Raises `LedgerError`."""
        now = time.time()
        self._ledger.outbox.forget(int((now - MESSAGES_S) * 1e6))
        self._ledger.events.forget(int((now - EVENTS_S) * 1e6))
        self._ledger.lint.forget(int((now - LINT_S) * 1e6))

    def send(self) -> None:
        """Send what waits in the outbox. Raises `LedgerError`."""
        standards = self._planner.standards
        if standards is not None and self._ledger.leases.holds(LEASE, self._holder):
            deliver(self._ledger, standards, time.time())

    def leave(self) -> None:
        """Let another process take over at once. Raises `LedgerError`."""
        self._ledger.leases.give_back(LEASE, self._holder)

    def _look(self, standards: Standards, now: float) -> tuple[list[Signal], LedgerError | None]:
        """Take every look that is due."""
        from paceline.governance.incidents.regressing import look_for_regressions
        from paceline.governance.signals import LOOKS

        if now - self._looked_at < LOOK_EVERY_S:
            return [], None
        found: list[Signal] = []
        failed: LedgerError | None = None
        for look in (*LOOKS, look_for_regressions):
            try:
                found += look(self._ledger, standards, now)
            except LedgerError as error:
                failed = failed or error
        self._looked_at = now
        return found, failed

    def _note_changes(self, standards: Standards, now: float) -> None:
        """Put a change of the standards among the events that may explain figures."""
        before, self._seen = self._seen, standards
        if before is standards:
            return
        self._ledger.owners.follow({name: each.owner or "" for name, each in standards.options.services.items()})
        if before is None:
            return
        changed = list(_changes(before.options.model_dump(), standards.options.model_dump()))
        if changed:
            more = f" and {len(changed) - _CHANGES_MAX} more" if len(changed) > _CHANGES_MAX else ""
            text = f"the standards changed: {', '.join(changed[:_CHANGES_MAX])}{more}"
            self._ledger.events.add(Event(int(now * 1e6), "plan", text, actor="standards"))


def _changes(before: object, now: object, path: str = "") -> Iterator[str]:
    """Name the keys whose values differ; values stay out, for they may be long."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys(), key=str):
            yield from _changes(before.get(name), now.get(name), f"{path}.{name}" if path else str(name))
    elif before != now:
        yield path


def _logged(happened: list[Happened]) -> None:
    for incident, what in happened:
        _log.warning("incident %s %s; `paceline incidents show %s`", incident, what, incident)
