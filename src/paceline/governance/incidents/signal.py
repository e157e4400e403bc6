"""A signal: what a look found of one thing that can be wrong, apart from breaches, which have a test of their own.

Looks are functions of the ledger, the standards and a time; they decide nothing about incidents. What a signal
becomes is `following`'s business: on opens or continues an incident, off closes it after a while, unknown freezes it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paceline.governance.alerts.alert import Severity

if TYPE_CHECKING:
    from paceline.ledger import Ledger
    from paceline.standards import Standards

__all__ = ["LookAt", "Measured", "Signal"]


class Measured(enum.StrEnum):
    """What a look could tell."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"
    """There is too little data: an open incident is neither closed nor confirmed."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What a look found. Told apart by `kind`, `service`, `use_case` and `measure`."""

    kind: str
    """A word of the glossary of signals, such as `spend`, `silence`, `truncation`."""
    service: str
    state: Measured
    severity: Severity = Severity.TICKET
    use_case: str = ""
    """Empty where the whole service is meant."""
    measure: str = ""
    """What was measured, where one kind has several: `month`, `rate`, `cost_per_request`."""
    provider: str = ""
    what: str = ""
    """What is wrong, as a clause: `spend is heading for 512 USD this month, of 400`."""
    changed: tuple[str, ...] = ()
    """What changed or explains it, most telling first, each a sentence without its full stop."""
    next_step: str = ""
    """The one thing to do, as an order."""
    since_s: float | None = None
    """When it began, Unix seconds, where that is known."""


LookAt = Callable[["Ledger", "Standards", float], list[Signal]]
"""A look: `(ledger, standards, now)`, now in Unix seconds. Raises `LedgerError`."""
