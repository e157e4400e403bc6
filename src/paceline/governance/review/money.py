"""Money of the period: spend beside budgets with where the month ends, and whose requests got dearer or cheaper."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from paceline.governance.review.attainment import owner_of
from paceline.governance.review.document import Mover, Spend
from paceline.governance.review.period import Span
from paceline.governance.signals.months import Month, months
from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["movers", "spent"]

MOVED: Final = 0.10
"""Change of a mean request's cost from which it is told."""
ENOUGH: Final = 100
"""Requests with a cost, in both periods, below which means say too little."""
EXTRA_USD: Final = 0.10
"""Money below which a change matters to nobody."""
MOST: Final = 10

_NANO: Final = 1e9
_COUNTERS: Final = ("n", "n_cost", "cost_nanousd", "n_tokens", "tokens_input", "tokens_output")
_ORDER: Final = ("over", "heading over", "within", "too early to tell", "no budget")


def spent(ledger: Ledger, standards: Standards, span: Span) -> tuple[Spend, ...]:
    """Return every service's spend, those over their budget first, then the dearest. Raises `LedgerError`."""
    now = ledger.totals.spent("service", span.first, span.last)
    before = ledger.totals.spent("service", span.before.first, span.first - timedelta(days=1))
    month_by_name = {each.service: each for each in months(ledger, standards, span.last, is_whole=True)}
    found = [
        _spend(
            month_by_name[name],
            owner_of(standards, name),
            sum(now.get(name, {}).values()) / _NANO,
            sum(before.get(name, {}).values()) / _NANO,
        )
        for name in sorted(month_by_name)
    ]
    kept = [each for each in found if each.spent or each.before or each.budget is not None]
    return tuple(sorted(kept, key=lambda one: (_ORDER.index(one.state), -one.spent, one.service)))


def _spend(month: Month, owner: str, spent_usd: float, before: float) -> Spend:
    told = month.forecast
    return Spend(
        service=month.service,
        owner=owner,
        spent=spent_usd,
        before=before,
        month=month.spent,
        budget=month.budget,
        expected=None if told is None else told.expected,
        lower=None if told is None else told.lower,
        upper=None if told is None else told.upper,
        state=_state(month),
    )


def _state(month: Month) -> str:
    if month.budget is None:
        return "no budget"
    if month.is_spent:
        return "over"
    if month.days_left and month.forecast is None:
        return "too early to tell"
    return "heading over" if month.is_heading_over else "within"


def movers(ledger: Ledger, standards: Standards, span: Span) -> tuple[Mover, ...]:
    """Return the use cases whose mean request changed its cost by a tenth or more, what cost most first.

    Raises `LedgerError`.
    """
    now = ledger.totals.counters(span.since, span.until, _COUNTERS)
    before = ledger.totals.counters(span.before.since, span.before.until, _COUNTERS)
    found = []
    for service, use_case in sorted(now.keys() & before.keys()):
        _, n_cost, cost, n_tokens, tokens_in, tokens_out = now[service, use_case]
        _, was_n, was_cost, was_tokens, was_in, was_out = before[service, use_case]
        if not service or min(n_cost, was_n) < ENOUGH or not was_cost:
            continue
        each, was = cost / n_cost / _NANO, was_cost / was_n / _NANO
        extra = (each - was) * n_cost
        if abs(each / was - 1) >= MOVED and abs(extra) >= EXTRA_USD:
            per = max(1, n_tokens), max(1, was_tokens)
            tokens = tokens_in / per[0], was_in / per[1], tokens_out / per[0], was_out / per[1]
            owner = owner_of(standards, service)
            found.append(Mover(service, use_case, owner, n_cost, each, was, extra, *tokens))
    return tuple(sorted(found, key=lambda one: (-abs(one.extra), one.service, one.use_case))[:MOST])
