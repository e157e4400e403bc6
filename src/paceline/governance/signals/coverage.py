"""Can the figures be trusted? Kinds `silence` (per service and use case), `untagged` and `cost_coverage` (per service).

Reads, for all services together: the last hour and day and the same spans of the four weeks before, one count each;
three counters of the last day and the week before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.shares import ENOUGH, ENOUGH_BEFORE, Share, Z, judged, rose
from paceline.governance.signals.words import count, percent
from paceline.governance.statistics.coverage import is_silent, share_fell
from paceline.ledger import Ledger
from paceline.ledger.totals import Group
from paceline.standards import Standards

__all__ = ["EVERYTHING", "look"]

SPANS: Final = {"hour": 3_600, "day": 86_400}
"""Times whose requests are counted: an hour tells soon, a day tells of those with a request now and then."""
WEEKS: Final = 4
"""Weeks before that say what is expected; the quietest of them counts, so that one holiday is forgiven."""
LEFT: Final = 0.25
"""Share of the quietest past week from which down traffic counts as missing: busy services vary by more than chance."""
EVERYTHING: Final = "all services"
"""Stands for a service where all are silent at once; no service can be named so."""
STEP_S: Final = 600
"""Spans end at whole ten minutes, since rows of past weeks are of ten."""
SETTLED_S: Final = 90
BEFORE_S: Final = 7 * 86_400
"""Shares of the last day are compared with the week before it: every weekday once."""

_DAY_S: Final = 86_400
_SHARES: Final = ("n", "n_untagged", "n_cost_due", "n_cost")
_WEEK_S: Final = 7 * _DAY_S


def look(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Judge all traffic that is expected or there. Raises `LedgerError`."""
    until = int(now - SETTLED_S) // STEP_S * STEP_S
    known = standards.options.services
    return [*_silences(ledger, set(known), until), *_shares(ledger, until)]


def _silences(ledger: Ledger, known: set[str], until: int) -> Iterator[Signal]:
    told: dict[Group, Signal] = {}
    for name, length in SPANS.items():
        for subject, n, past in _counted(ledger, length, until):
            if subject[0] in known:
                found = _silence(subject, name, n, past)
                told[subject] = max(told.get(subject, found), found, key=_telling)
    judged_ones = [each for each in told.values() if each.state is not Measured.UNKNOWN]
    is_all = all(each.state is Measured.ON for each in judged_ones)
    several = len({each.service for each in judged_ones}) > 1
    if several:
        yield _whole(judged_ones, is_all)
    for subject in sorted(told):
        # One incident tells of it, not one for each service; theirs are as good as unmeasured.
        yield replace(told[subject], state=Measured.UNKNOWN) if several and is_all else told[subject]


def _whole(found: list[Signal], is_all: bool) -> Signal:
    services = count(len({each.service for each in found}), "service")
    if not is_all:
        return Signal("silence", EVERYTHING, Measured.OFF, what=f"traffic of {services} is expected, and some is there")
    what = f"expected traffic is missing: none of {services} had what comes at this time in past weeks"
    step = "look at the gateway first: paceline doctor"
    return Signal("silence", EVERYTHING, Measured.ON, Severity.PAGE, what=what, next_step=step)


def _counted(ledger: Ledger, length: int, until: int) -> Iterator[tuple[Group, int, list[int]]]:
    """Count the span and those of the weeks before, the latest first, back to the subject's first week."""
    spans = [until - week * _WEEK_S for week in range(WEEKS + 1)]
    now, *past = (ledger.totals.counters(end - length, end, ("n",)) for end in spans)
    for subject in sorted({names for week in (now, *past) for names in week}):
        weeks = [week.get(subject, (0,))[0] for week in past]
        while weeks and not weeks[-1]:
            weeks.pop()
        if all(subject):
            yield subject, now.get(subject, (0,))[0], weeks


def _silence(subject: Group, span: str, n: int, past: list[int]) -> Signal:
    rare = is_silent(n, np.array(past, dtype=np.float64))
    silent = bool(rare) and n <= LEFT * min(past)
    state = Measured.UNKNOWN if rare is None else judged(silent)
    came = "no request came" if n == 0 else f"only {count(n, 'request')} came" if silent else count(n, "request")
    usual = f"in the last {span}, against {min(past, default=0):,} or more at this time in past weeks"
    what = f"expected traffic is missing: {came} {usual}" if silent else f"traffic is there: {came} {usual}"
    severity = Severity.URGENT if silent and n == 0 else Severity.TICKET
    step = "see whether the service is down, or calls its provider without the gateway" if silent else ""
    return Signal("silence", subject[0], state, severity, subject[1], what=what, next_step=step)


def _telling(signal: Signal) -> int:
    return (Measured.UNKNOWN, Measured.OFF, Measured.ON).index(signal.state)


def _shares(ledger: Ledger, until: int) -> Iterator[Signal]:
    now = ledger.totals.counters(until - _DAY_S, until, _SHARES, ("service",))
    before = ledger.totals.counters(until - _DAY_S - BEFORE_S, until - _DAY_S, _SHARES, ("service",))
    for (service,), (n, untagged, due, known) in sorted(now.items()):
        if not service:
            continue
        was_n, was_untagged, was_due, was_known = before.get((service,), (0, 0, 0, 0))
        if n:
            yield _untagged(service, Share(untagged, n), Share(was_untagged, was_n))
        if due:
            yield _cost_coverage(service, Share(known, due), Share(was_known, was_due))


def _untagged(service: str, now: Share, before: Share) -> Signal:
    state = rose(now, before)
    what = f"{percent(now.share)} of its requests is untagged in the last day, against {percent(before.share)} before"
    step = "find the calls without a tag, and set a use case in their base URL or their key"
    is_on = state is Measured.ON
    return Signal("untagged", service, state, what=what, next_step=step if is_on else "")


def _cost_coverage(service: str, now: Share, before: Share) -> Signal:
    enough = now.n >= ENOUGH and before.n >= ENOUGH_BEFORE
    fell = share_fell((now.hits, now.n), (before.hits, before.n), Z)
    state = judged(fell) if enough else Measured.UNKNOWN
    what = f"the cost is known of {percent(now.share)} of its requests in the last day, {percent(before.share)} before"
    step = "add the price of the model that has none: `prices` in the standards, and see paceline report"
    return Signal("cost_coverage", service, state, what=what, next_step=step if fell and enough else "")
