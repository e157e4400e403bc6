"""The money spent, as a gateway's limits want it: a file that is there before the records it stands for are deleted.

A gateway that starts adds the records behind the file's positions, so file and journal together are exact at any
moment: the file is replaced after a commit and before a segment goes. A running gateway is told as well. Owns the form,
which is `Spent` of `crates/traffic/src/limits/spent.rs`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link, LinkError
from paceline.ledger import Ledger
from paceline.ledger.spending import Spending, day_number

FORMAT: Final = 1
EVERY_S: Final = 1.0
"""Least time between two files, unless segments wait for their deletion."""
TELL_EVERY_S: Final = 10.0
"""A gateway that started meanwhile may have read a file that was replaced a moment later; so it is told again."""


class SpentFile:
    """Keeps `spent.json` in step with the ledger. Belongs to the ingest loop."""

    def __init__(self, data: DataDir, ledger: Ledger, link: Link, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._ledger = ledger
        self._link = link
        self._clock = clock
        self._changed = True
        self._written: bytes | None = None
        self._written_at = float("-inf")
        self._told_at = float("-inf")

    def changed(self) -> None:
        """Note that the ledger has taken records in."""
        self._changed = True

    def follow(self) -> None:
        """Write what changed, at most once in `EVERY_S`. Raises `LedgerError`, `OSError`."""
        if self._changed and self._clock() - self._written_at >= EVERY_S:
            self.write()
        elif self._written is not None and self._clock() - self._told_at >= TELL_EVERY_S:
            self._tell(self._written)

    def write(self) -> None:
        """Replace the file by what the ledger knows now and tell the gateway. Raises `LedgerError`, `OSError`."""
        spending = self._ledger.spending()
        content = json.dumps(document(spending), sort_keys=True, separators=(",", ":")).encode()
        if content != self._written:
            self._data.write_private(self._data.spent, content)
            self._tell(content)
        self._written, self._written_at, self._changed = content, self._clock(), False

    def _tell(self, content: bytes) -> None:
        self._told_at = self._clock()
        with suppress(LinkError):  # not running: it reads the file when it starts
            self._link.send_spent(content)


def document(spending: Spending) -> dict[str, Any]:
    """Return the file's content. Money is billionths of a US dollar, `day` whole days since 1970."""
    return {
        "format": FORMAT,
        "day": day_number(spending.day),
        "month": [spending.day.year, spending.day.month],
        "positions": [
            {"gateway": each.gateway, "segment": each.segment, "slot": each.slot} for each in spending.reached
        ],
        "totals": [
            {"kind": kind, "name": name, "day_nanousd": day, "month_nanousd": month}
            for (kind, name), (day, month) in sorted(spending.totals.items())
        ],
    }
