"""The requests taken in last, in memory: what a live view shows without asking the database.

Owns a ring of bounded length and counts since this process began. It is fed by the ingest of this process, after each
commit, so it shows what its own journals told, in the order in which requests ended.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

__all__ = ["KEPT", "Recent", "RequestRow", "Seen"]

KEPT: Final = 500
"""Requests that are remembered."""


class RequestRow(NamedTuple):
    """One request, without its text. Units in the names; None is unknown or did not happen."""

    id: str
    """Hex, as in `x-paceline-request-id`."""
    start_us: int
    service: str
    use_case: str
    model: str
    deployment: str
    outcome: str
    code: int
    status: int
    ttft_us: int | None
    total_us: int | None
    end_us: int | None
    tokens_input: int
    tokens_output: int
    cost_nanousd: int | None
    over_limit: int
    """A bit for each limit that it was over; 0 for none."""
    attempts: int
    cache: str
    queue_us: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """Exact counts of everything taken in since this process began."""

    n: int = 0
    n_ok: int = 0
    n_over: int = 0
    """Over at least one limit."""
    tokens_output: int = 0
    cost_nanousd: int = 0


class Recent:
    """A ring that one thread fills and others read."""

    def __init__(self, kept: int = KEPT) -> None:
        self._rows: deque[tuple[Any, ...]] = deque(maxlen=kept)
        self._seen = Seen()
        self._lock = threading.Lock()
        self._places: tuple[int, ...] = ()

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Remember rows of `paceline._core.REQUEST_COLUMNS`."""
        found = list(rows)
        if not found:
            return
        at = self._placed()
        ok, over, tokens, cost = (at[RequestRow._fields.index(name)] for name in _COUNTED)
        with self._lock:
            self._rows.extend(found[-(self._rows.maxlen or 0) :])
            self._seen = replace(
                self._seen,
                n=self._seen.n + len(found),
                n_ok=self._seen.n_ok + sum(row[ok] == "ok" for row in found),
                n_over=self._seen.n_over + sum(row[over] != 0 for row in found),
                tokens_output=self._seen.tokens_output + sum(row[tokens] for row in found),
                cost_nanousd=self._seen.cost_nanousd + sum(row[cost] or 0 for row in found),
            )

    def seen(self) -> Seen:
        """Return the counts so far."""
        return self._seen

    def last(self) -> list[RequestRow]:
        """Return what is remembered, the latest first."""
        with self._lock:
            rows = list(self._rows)
        at = self._placed()
        return [RequestRow._make((row[at[0]].hex(), *(row[place] for place in at[1:]))) for row in reversed(rows)]

    def _placed(self) -> tuple[int, ...]:
        if not self._places:
            from paceline import _core

            self._places = tuple(_core.REQUEST_COLUMNS.index(name) for name in RequestRow._fields)
        return self._places


_COUNTED: Final = ("outcome", "over_limit", "tokens_output", "cost_nanousd")
