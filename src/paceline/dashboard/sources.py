"""What the pages are made from, and a short memory for what is dear to compute. Owns no page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["Sources"]

T = TypeVar("T")

_KEPT_S: Final = 20.0
_KEPT_MAX: Final = 64


@dataclass
class Sources:
    """Where figures come from."""

    ledger: Ledger
    standards: Callable[[], Standards | None]
    """The last sound ones; none before there were any."""
    status: Callable[[], Mapping[str, Any]]
    """The document of the control process's status."""
    clock: Callable[[], float] = time.time
    _kept: dict[Hashable, tuple[float, Any]] = field(default_factory=dict)
    _making: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` made less than 20 seconds ago for this key, else make it.

        Those who ask for the same wait for one of them; nobody waits for another's.
        """
        with self._lock:
            if len(self._making) >= _KEPT_MAX:
                self._kept.clear()
                self._making.clear()
            making = self._making.setdefault(key, threading.Lock())
        with making:
            found = self._kept.get(key)
            if found is None or time.monotonic() - found[0] > _KEPT_S:
                value: T = make()
                self._kept[key] = (time.monotonic(), value)
                return value
            known: T = found[1]
            return known
