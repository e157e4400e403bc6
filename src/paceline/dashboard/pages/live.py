"""Requests as they finish, without their text: the last few of them, and exact counts beside them.

What it costs does not grow with the traffic: the rows are a bounded sample of what ingest remembers, the counts are
ingest's own, and one fragment serves everybody who looks at the same within a tick.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from paceline.dashboard.pages import request
from paceline.dashboard.sources import Sources
from paceline.ledger.recent import Seen

__all__ = ["EVERY_S", "MOST", "Live", "Rates"]

MOST: Final = 40
"""Rows of one look."""
EVERY_S: Final = 1.0
"""How often a page asks again."""
_OVER_S: Final = 10.0
"""Seconds over which rates are taken."""
_BACK_S: Final = 86_400
"""How far back the ledger is asked while this process has taken nothing in."""


class Rates(NamedTuple):
    """What came in a second lately, from exact counts."""

    requests: float
    failed_share: float | None
    """Of all: those that were not answered well."""
    over_share: float | None
    """Of all: those over at least one limit."""
    tokens: float
    usd_per_hour: float
    seconds: float
    """Length of the time it is taken over."""


class Live:
    """What live pages show; one for all of them."""

    def __init__(self, sources: Sources, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sources = sources
        self._monotonic = monotonic
        self._samples: deque[tuple[float, Seen]] = deque(maxlen=64)

    def values(self, chosen: dict[str, str | None], *, is_paused: bool) -> dict[str, Any]:
        """Return the fragment's values: the last requests that the filters leave, and the rates."""
        ledger = self._sources.ledger
        recent = ledger.recent.last()
        is_old = not recent
        if is_old:
            now = self._sources.clock()
            recent = [request.of_row(row) for row in ledger.requests.page(now - _BACK_S, now + 60, {}, most=MOST).rows]
        wanted = {name: value for name, value in chosen.items() if value and name != "kind"}
        left = [row for row in recent if all(getattr(row, name) == value for name, value in wanted.items())]
        if chosen.get("kind") == "bad":
            left = [row for row in left if row.outcome != "ok" or row.over_limit]
        return {
            "rows": [request.shown(row) for row in left[:MOST]],
            "is_old": is_old,
            "rates": self._rates(),
            "seen": ledger.recent.seen(),
            "chosen": chosen,
            "is_paused": is_paused,
            "services": sorted({row.service for row in recent} - {""}),
            "made_at": self._sources.clock(),
            "most": MOST,
        }

    def _rates(self) -> Rates | None:
        """Compare the counts with those of some seconds ago; none until there are two looks."""
        now, seen = self._monotonic(), self._sources.ledger.recent.seen()
        samples = self._samples
        if not samples or now - samples[-1][0] >= EVERY_S / 2:
            samples.append((now, seen))
        while len(samples) > 2 and now - samples[1][0] >= _OVER_S:
            samples.popleft()
        at, before = samples[0]
        length, n = now - at, seen.n - before.n
        if length < EVERY_S / 2:
            return None
        failed, over = n - (seen.n_ok - before.n_ok), seen.n_over - before.n_over
        usd = (seen.cost_nanousd - before.cost_nanousd) / 1e9
        return Rates(
            n / length,
            failed / n if n else None,
            over / n if n else None,
            (seen.tokens_output - before.tokens_output) / length,
            usd / length * 3_600,
            length,
        )
