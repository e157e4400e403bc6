"""The ledger: usage records and minute rows, exactly once, on SQLite or PostgreSQL.

`open_ledger` gives a `Ledger`: `ingest` takes journal segments in, `measure` and `report` read them back beside the
budgets, `reading` hands out sums and strata for judging. `roll_up` adds rows up into coarser ones, `retain` deletes
what is old. `keys`, `plans` and `settings` keep what belongs to the gateway.

    LedgerError                   the only exception tree that leaves this package
    ├── LedgerUnreachableError    the database cannot be opened, locked, reached or grown
    ├── LedgerNewerError          the database was written by a newer version
    ├── LedgerBrokenError         the database refused a statement
    └── JournalUnreadableError    a journal segment cannot be folded
"""

from __future__ import annotations

from paceline.ledger.errors import (
    JournalUnreadableError,
    LedgerBrokenError,
    LedgerError,
    LedgerNewerError,
    LedgerUnreachableError,
)
from paceline.ledger.figures import Count, LimitRow, Measured, MetricSketch, Stratum, columns
from paceline.ledger.ingest import Ingested
from paceline.ledger.keys import Key, NewKey
from paceline.ledger.ledger import Ledger, open_ledger
from paceline.ledger.reading import Reading
from paceline.ledger.report import MetricRow, Report, ServiceRow
from paceline.ledger.retention import Keep, Retained
from paceline.ledger.rollup import RolledUp
from paceline.ledger.verdict import Limit, State

__all__ = [
    "Count",
    "Ingested",
    "JournalUnreadableError",
    "Keep",
    "Key",
    "Ledger",
    "LedgerBrokenError",
    "LedgerError",
    "LedgerNewerError",
    "LedgerUnreachableError",
    "Limit",
    "LimitRow",
    "Measured",
    "MetricRow",
    "MetricSketch",
    "NewKey",
    "Reading",
    "Report",
    "Retained",
    "RolledUp",
    "ServiceRow",
    "State",
    "Stratum",
    "columns",
    "open_ledger",
]
