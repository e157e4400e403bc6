"""What the pages are made from, and a memory for what is dear to compute. Owns no page.

A figure that is kept is made anew in the background while people look at it, at most a twentieth of the time; whoever
asks gets the last one at once, with the moment it was made. `Ahead` makes figures before anybody asks (`preparing`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar, cast

from paceline.ledger import Ledger, LedgerError
from paceline.standards import Standards

__all__ = ["Ahead", "Made", "NotYetError", "Sources"]

T = TypeVar("T")

_FRESH_S: Final = 20.0
_FRESH_MAX_S: Final = 300.0
_COST_TIMES: Final = 20
"""A figure that took a second is made anew after twenty."""
_STALE_TIMES: Final = 3
"""Up to so many times that age it is still shown while a new one is made; older ones are waited for."""
_AHEAD_S: Final = 300.0
"""Up to this age a figure is shown that was made before anybody asked."""
_PATIENCE_S: Final = 4.0
_KEPT_MAX: Final = 256
_THREADS: Final = 8

_log = logging.getLogger("paceline.dashboard")


class NotYetError(Exception):
    """A figure is being made for the first time and takes long: ask again in some seconds."""


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """A figure and when it was made."""

    value: T
    at: float
    """Unix seconds at which its making began: it holds what was known then."""
    fresh_until: float
    stale_until: float
    """On the monotonic clock."""


@dataclass
class Sources:
    """Where figures come from."""

    ledger: Ledger
    standards: Callable[[], Standards | None]
    """The last sound ones; none before there were any."""
    status: Callable[[], Mapping[str, Any]]
    """The document of the control process's status."""
    clock: Callable[[], float] = time.time
    patience_s: float = _PATIENCE_S
    _kept: dict[Hashable, Made[Any]] = field(default_factory=dict)
    _unseen: set[Hashable] = field(default_factory=set)
    """Kept, and nobody has asked since it was made."""
    _making: dict[Hashable, Future[Made[Any]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "figures"))

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` made for this key, some seconds ago at most, else make it. See `made`."""
        return self.made(key, make).value

    def made(self, key: Hashable, make: Callable[[], T]) -> Made[T]:
        """Return what `make` made for this key with its time; one that ages is made anew meanwhile.

        Those who ask for the same wait for one of them; nobody waits for another's. Raises `NotYetError` for one that
        is not there in time, and what `make` raises.
        """
        with self._lock:
            found = self._kept.get(key)
            now = time.monotonic()
            if found is not None and key in self._unseen:  # it is made anew for those who look on
                self._unseen.discard(key)
                found = replace(found, fresh_until=min(now + _FRESH_S, found.stale_until))
                self._kept[key] = found
            if found is not None and now <= found.fresh_until:
                return cast("Made[T]", found)
            future = self._future(key, make)
            if found is not None and now <= found.stale_until:
                return cast("Made[T]", found)
        try:
            return cast("Made[T]", future.result(self.patience_s))
        except TimeoutError:
            if future.done():  # it was `make` that ran out of time
                raise
            raise NotYetError(f"{key}") from None

    def _future(self, key: Hashable, make: Callable[[], T]) -> Future[Made[Any]]:
        """Return the one that is being made, or begin it. The lock is held."""
        future = self._making.get(key)
        if future is None:
            future = self._making[key] = self._pool.submit(self._make, key, make)
        return future

    def _make(self, key: Hashable, make: Callable[[], T]) -> Made[T]:
        at, began = self.clock(), time.monotonic()
        try:
            value = make()
        except Exception as error:
            if not isinstance(error, LedgerError):  # of the ledger every loop tells
                _log.warning("figures of the dashboard could not be made", exc_info=True)
            with self._lock:
                self._making.pop(key, None)
            raise
        now = time.monotonic()
        fresh_s = min(max(_FRESH_S, _COST_TIMES * (now - began)), _FRESH_MAX_S)
        made = Made(value, at, now + fresh_s, now + _STALE_TIMES * fresh_s)
        with self._lock:
            self._kept.pop(key, None)
            self._unseen.discard(key)
            self._kept[key] = made
            self._making.pop(key, None)
            while len(self._kept) > _KEPT_MAX:
                oldest = next(iter(self._kept))
                del self._kept[oldest]
                self._unseen.discard(oldest)
        return made


class Ahead(Sources):
    """The same sources for one who asks before people do: waits for every figure, and leaves it unseen."""

    def __init__(self, sources: Sources) -> None:
        self.__dict__.update(sources.__dict__)  # what is kept is kept once

    def made(self, key: Hashable, make: Callable[[], T]) -> Made[T]:
        """Return the figure if it is fresh; else have it made, to be shown up to five minutes old."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None and time.monotonic() <= found.fresh_until:
                return cast("Made[T]", found)
            future = self._future(key, make)
        made = future.result()
        lasting = replace(made, stale_until=max(made.stale_until, time.monotonic() + _AHEAD_S))
        with self._lock:
            if self._kept.get(key) is made:
                self._kept[key] = lasting
                self._unseen.add(key)
        return cast("Made[T]", lasting)
