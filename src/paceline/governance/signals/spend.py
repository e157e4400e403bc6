"""Money: months that end over their budget, and spend that is suddenly fast. Kind `spend`, per service.

Reads, for all services together: daily sums of 63 days, one hour's counts, and the counts of 14 days' like hours.
The cost of a request is a limit on a percentile like any other: the watch judges it by exact counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.months import Month, months
from paceline.governance.signals.shares import judged
from paceline.governance.signals.words import days, dollars, on
from paceline.governance.statistics.spend import SpendRate, spend_rate
from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["look"]

SETTLED_S: Final = 90
"""Age of a minute at which late records have had time to arrive; as the watch's."""
LIKE_DAYS: Final = 14
"""Days whose hours the last one is compared with: two of each weekday."""
LIKE_HOURS: Final = 1
"""Hours of the day to either side that count as alike: spend follows the day."""
TIMES: Final = 3.0
"""Times the median of the hours like it, and"""
TIMES_DEAREST: Final = 2.0
"""times the dearest of them, from which an hour is sudden: spend has a long tail, and a growing service sets a new
record every few days. On simulated spend (cycles of day and week, hours that vary by a factor of 1.8) these and the
next make less than one false alarm in ten service-months."""
LEAST_SHARE: Final = 0.02
"""Share of the month's budget below which an hour is not worth telling: fourteen times an even month's hour."""
LEAST_USD: Final = 5.0
"""The same without a budget."""
PAGE_DAYS: Final = 1.0
"""Somebody has to look now when the rest of the month's budget would be gone within so many days."""
SOON_DAYS: Final = 3
"""Days to the month's end from which a forecast is urgent: there is little time to act."""

_HOUR_S: Final = 3_600
_SPENT: Final = ("cost_nanousd", "other_nanousd")
_COSTS: Final = "see what costs most: paceline report --since 24h"


def look(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Judge every service's month and last hour. Raises `LedgerError`."""
    today = datetime.fromtimestamp(now, UTC).date()
    found = months(ledger, standards, today, is_whole=False)
    return [*(_month(each, today) for each in found if each.budget is not None), *_rates(ledger, found, now)]


def _month(month: Month, today: date) -> Signal:
    budget = month.budget or 0.0
    state, severity = Measured.UNKNOWN, Severity.TICKET
    what = f"spend is {dollars(month.spent)} this month, of {dollars(budget)}"
    changed: tuple[str, ...] = ()
    if month.is_spent:
        state, severity = Measured.ON, Severity.URGENT
        what = f"spend is {dollars(month.spent)} this month, over its budget of {dollars(budget)}"
        changed = (f"the budget was used up by {on(today)}, with {days(month.days_left)} of the month to go",)
    elif month.forecast is not None:
        state = judged(month.is_heading_over)
    if month.forecast is not None and not month.is_spent:
        low, high = dollars(month.forecast.lower), dollars(month.forecast.upper)
        heading = low if low == high else f"{low} to {high}"
        what = f"spend is heading for {heading} this month, of {dollars(budget)}"
        changed = (f"{dollars(month.spent)} was spent by {on(today)}",)
    if state is Measured.ON and not month.is_spent:
        severity = Severity.URGENT if month.days_left <= SOON_DAYS else Severity.TICKET
        left = month.days_to_budget
        changed += () if left is None else (f"the budget is used up in {days(left)} at this rate",)
    step = f"agree another budget with whoever pays, or {_COSTS}" if state is Measured.ON else ""
    return Signal("spend", month.service, state, severity, measure="month", what=what, changed=changed, next_step=step)


def _rates(ledger: Ledger, found: list[Month], now: float) -> list[Signal]:
    until = int(now - SETTLED_S) // 60 * 60
    since = until - _HOUR_S
    lately = ledger.totals.counters(since, until, _SPENT, ("service",))
    hour = since // _HOUR_S
    alike = {(hour + by) % 24 for by in range(-LIKE_HOURS, LIKE_HOURS + 2)}
    past = ledger.totals.hours(hour * _HOUR_S - LIKE_DAYS * 86_400, hour * _HOUR_S, _SPENT, of_day=alike)
    by_service = {month.service: month for month in found}
    signals = []
    for service in sorted({names[0] for names in (*lately, *past)} - {""}):
        spent = sum(lately.get((service,), (0, 0))) / 1e9
        month = by_service.get(service)
        rate = _rate(spent, past.get((service,), {}), hour, alike, month)
        signals.append(_sudden(service, rate, month, spent))
    return signals


def _rate(
    spent: float, past: Mapping[int, tuple[int, ...]], hour: int, alike: set[int], month: Month | None
) -> SpendRate | None:
    """Compare with the hours alike since the service's first one; those without traffic cost nothing."""
    like = [at for at in range(min(past, default=hour), hour) if at % 24 in alike]
    usual = np.array([sum(past.get(at, (0, 0))) for at in like], dtype=np.float64) / 1e9
    least = LEAST_USD if month is None or month.budget is None else LEAST_SHARE * month.budget
    rate = spend_rate(spent, usual, least)
    if rate is None:
        return None
    return replace(rate, is_sudden=rate.is_sudden and rate.times >= TIMES and spent >= TIMES_DEAREST * usual.max())


def _sudden(service: str, rate: SpendRate | None, month: Month | None, spent: float) -> Signal:
    if rate is None:
        return Signal("spend", service, Measured.UNKNOWN, measure="rate", what=f"spend is {dollars(spent)} an hour")
    what = f"spend is {dollars(rate.now)} in the last hour, against {dollars(rate.usual)} in hours like it"
    if not rate.is_sudden:
        return Signal("spend", service, Measured.OFF, measure="rate", what=what)
    severity, changed = Severity.TICKET, []
    if month is not None and month.budget is not None:
        left = max(0.0, month.budget - month.spent)
        lasts = left / (24 * rate.now)
        severity = Severity.PAGE if lasts <= PAGE_DAYS else Severity.URGENT
        changed.append(f"{dollars(left)} of the month's budget is left, {days(lasts)} at this rate")
    step = f"look for a loop, a retry storm or a job that was started twice; {_COSTS}"
    return Signal("spend", service, Measured.ON, severity, "", "rate", "", what, tuple(changed), step)
