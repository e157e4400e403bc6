"""One key used by many services: who leaks it cannot be told, and revoking it stops everybody. Kind `shared_key`.

Reads a sample of the last day's requests: of each hour its first 2,000, by primary key; at most 48,000 rows.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.shares import judged
from paceline.governance.signals.words import count
from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["look"]

SERVICES_MAX: Final = 3
"""Services one key may serve: an application, its worker and its tests."""
TIMES_MIN: Final = 3
"""Requests of a service in the sample below which it does not count: somebody tried something."""
DAY_S: Final = 86_400
NAMED: Final = 5
"""Services that are named."""


def look(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Judge every key: the subject is the key (`measure`), under its own service, or the one that uses it most.

    Raises `LedgerError`.
    """
    del standards
    used: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for use in ledger.totals.keys(now - DAY_S, now):
        used[use.key][use.service] = use.n
    known = {each.id: each for each in ledger.keys.list()}
    signals = []
    for key in sorted(used.keys() | known.keys()):
        owner = known[key].service if key in known else None
        is_gone = key in known and known[key].revoked_at is not None
        found = _judged(key, owner, used.get(key, {}), is_gone)
        signals += [] if found is None else [found]
    return signals


def _judged(key: str, owner: str | None, used: dict[str, int], is_gone: bool) -> Signal | None:
    many = sorted(used, key=lambda name: (-used[name], name))
    service = owner or (many[0] if many else "")
    if not service:
        return None
    if not used:  # A key that is revoked cannot be shared; one that rests may be.
        state = Measured.OFF if is_gone else Measured.UNKNOWN
        return Signal("shared_key", service, state, measure=key, what=f"key {key} was not used in the last day")
    state = judged(sum(n >= TIMES_MIN for n in used.values()) > SERVICES_MAX)
    what = f"key {key} is used by {count(len(used), 'service')} in the last day"
    if state is Measured.OFF:
        return Signal("shared_key", service, state, measure=key, what=what)
    further = f" and {len(many) - NAMED} more" if len(many) > NAMED else ""
    changed = (f"they are {', '.join(many[:NAMED])}{further}",)
    step = "make each service a key of its own, then revoke this one: paceline keys create --service SERVICE"
    return Signal("shared_key", service, state, measure=key, what=what, changed=changed, next_step=step)
