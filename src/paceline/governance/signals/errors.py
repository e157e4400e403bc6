"""Shares of errors over their limit: the limits that are no percentile, which the watch leaves alone. Kind `errors`.

Reads the exact counts of limits in six windows, from five minutes to three days, for all services together; and once
something is over, the course of the error limits by deployment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.judging import onset
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.shares import Share
from paceline.governance.signals.words import percent
from paceline.governance.statistics.burn import WINDOWS
from paceline.ledger import Ledger
from paceline.ledger.figures import LimitRow
from paceline.ledger.totals import Group, Piece
from paceline.standards import Standards

__all__ = ["look"]

ERRORS_MIN: Final = 5
"""Errors below which nothing is told: one bad minute of one caller makes as many."""
ENOUGH: Final = 20
"""Requests from which a share is known to be within, as in the report."""
TIMES: Final = {Severity.PAGE: 6.0, Severity.URGENT: 3.0, Severity.TICKET: 1.0}
"""Times the limit, by the windows of a burn rate: six times for an hour uses a month's allowance up in five days."""
LEAST: Final = 1e-3
"""Share that counts as allowed where a limit is 0, to say since when."""
NAMED: Final = 3
"""Deployments that are named."""
SETTLED_S: Final = 90

LIMIT: Final = ("error_share", "mean")
_WORDS: Final = {3_600: "hour", 6 * 3_600: "6 hours", 3 * 86_400: "3 days"}


@dataclass(frozen=True, slots=True)
class _Over:
    """A window in which the share is over its limit, and how bad that is."""

    severity: Severity
    length: int


def look(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Judge the error share of every use case that has a limit on it. Raises `LedgerError`."""
    until = int(now - SETTLED_S) // 60 * 60
    lengths = sorted({length for window in WINDOWS for length in (window.long_s, window.short_s)})
    found = {length: ledger.totals.limits(until - length, until) for length in lengths}
    signals = []
    for service, use_case in sorted(found[lengths[-1]]):
        limit = _limit(standards, use_case)
        counts = {length: each.get((service, use_case), {}).get(LIMIT, (0, 0)) for length, each in found.items()}
        if service and limit is not None and counts[lengths[-1]][0]:
            shares = {length: Share(over, n) for length, (n, over) in counts.items()}
            signals.append(_judged(service, use_case, shares, limit))
    if any(each.state is Measured.ON for each in signals):
        course = ledger.totals.course(until - lengths[-1], until, LIMIT, ("service", "use_case", "deployment"))
        signals = [_explained(each, course, _limit(standards, each.use_case) or 0.0) for each in signals]
    return signals


def _limit(standards: Standards, use_case: str) -> float | None:
    terms = standards.use_cases.get(use_case)
    limit = terms.limit(*LIMIT) if terms is not None else None
    return None if limit is None else limit.value


def _explained(signal: Signal, course: Mapping[Group, list[Piece]], limit: float) -> Signal:
    """Say of one that is on since when, and where its requests fail."""
    if signal.state is not Measured.ON:
        return signal
    mine = {names[2]: pieces for names, pieces in course.items() if names[:2] == (signal.service, signal.use_case)}
    by_minute: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for piece in (piece for pieces in mine.values() for piece in pieces):
        by_minute[piece.minute].update(n=piece.n, over=piece.over)
    whole = [
        LimitRow(minute, 1, signal.service, signal.use_case, None, None, None, *LIMIT, each["n"], each["over"])
        for minute, each in sorted(by_minute.items())
    ]
    since = onset(whole, max(limit, LEAST))
    failed = Counter({name: sum(each.over for each in pieces if each.minute >= since) for name, pieces in mine.items()})
    changed, provider = _where(failed)
    return replace(signal, provider=provider, changed=changed, since_s=since * 60.0)


def _where(failed: Counter[str]) -> tuple[tuple[str, ...], str]:
    """Name the deployments whose calls failed, and the provider of most; a call that reached none has none."""
    known = Counter({name: n for name, n in failed.items() if name and n})
    if not known:
        return ("no deployment was reached",), ""
    told = ", ".join(f"{n:,} at {name}" for name, n in sorted(known.items(), key=lambda one: (-one[1], one[0]))[:NAMED])
    worst = min(known, key=lambda name: (-known[name], name))
    return (f"of {sum(failed.values()):,} failed requests since then {told}",), worst.partition("/")[0]


def _judged(service: str, use_case: str, shares: Mapping[int, Share], limit: float) -> Signal:
    over = _over(shares, limit)
    lately = WINDOWS[0].long_s if over is None and shares[WINDOWS[0].long_s].n else WINDOWS[1].long_s
    length = over.length if over is not None else lately
    share = shares[length]
    what = (
        f"{percent(share.share)} of its requests is failing in the last {_WORDS[length]} "
        f"({share.hits:,} of {share.n:,}), {percent(limit)} allowed"
    )
    if over is None:
        state = Measured.OFF if shares[WINDOWS[1].long_s].n >= ENOUGH else Measured.UNKNOWN
        return Signal("errors", service, state, use_case=use_case, measure=LIMIT[0], what=what)
    step = "see which provider fails and how: paceline report --since 1h; put a deployment that works first"
    return Signal("errors", service, Measured.ON, over.severity, use_case, LIMIT[0], "", what, (), step)


def _over(shares: Mapping[int, Share], limit: float) -> _Over | None:
    """Return the worst that holds: over the limit beyond chance in a long window, and still in its short one."""
    found = [
        _Over(severity, window.long_s)
        for window in WINDOWS
        if shares[window.long_s].hits >= ERRORS_MIN
        and shares[window.long_s].exceeds(limit)
        and shares[window.short_s].share > limit
        for severity, times in TIMES.items()
        if shares[window.long_s].share >= times * limit and _at_most(severity, window.severity)
    ]
    order = list(TIMES)
    return min(found, key=lambda one: (order.index(one.severity), one.length), default=None)


def _at_most(severity: Severity, window: Severity) -> bool:
    """Tell whether a window may be as bad as that: three days are never a page."""
    order = list(TIMES)
    return order.index(severity) >= order.index(window)
