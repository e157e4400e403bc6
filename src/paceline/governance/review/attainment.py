"""Who kept to the budget: every service's use case and class, worst first; and what is left of error budgets.

Counts are exact and from the ledger, limits are those of the standards as they are now; percentiles are from sketches.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from paceline.governance.incidents.judging import allowed_share
from paceline.governance.review.document import BudgetLeft, ClassResult, LimitResult, ServiceResult
from paceline.governance.review.exceptions import last_day, waived_in
from paceline.governance.review.period import Span
from paceline.governance.statistics.burn import Count, budget_left, days_to_exhaustion
from paceline.governance.waivers import Waiver
from paceline.ledger import Ledger
from paceline.ledger.report import Report
from paceline.ledger.totals import Group
from paceline.ledger.verdict import Limit, State, in_words, judge
from paceline.standards import METRICS, Standards
from paceline.standards import Limit as Written
from paceline.standards.limits import figure

__all__ = ["WINDOW_DAYS", "attained", "by_class", "left", "owner_of"]

WINDOW_DAYS: Final = 28
"""Days of an error budget; four whole weeks, so that every weekday counts alike."""
_DAY_S: Final = 86_400
_COUNTERS: Final = ("n", "n_ok", "n_refused", "n_caller_error", "n_cancelled")

_Counts = Mapping[Group, Mapping[tuple[str, str], tuple[int, int]]]


def attained(ledger: Ledger, standards: Standards, span: Span, report: Report) -> tuple[ServiceResult, ...]:
    """Judge every use case of every service, those without traffic included. Raises `LedgerError`."""
    now = ledger.totals.limits(span.since, span.until)
    before = ledger.totals.limits(span.before.since, span.before.until)
    waived = waived_in(ledger, standards, span)
    n_now = ledger.totals.counters(span.since, span.until, _COUNTERS)
    n_before = ledger.totals.counters(span.before.since, span.before.until, ("n",))
    measured = {(row.group["service"], row.group["use_case"]): row.metrics for row in report.services}
    results = []
    for service, use_case in _subjects(standards, n_now):
        names = (service, use_case)
        written = standards.use_cases[use_case].limits if use_case in standards.use_cases else ()
        figures = {name: row.figures.quantiles for name, row in measured.get(names, {}).items()}
        limits = [_judged(each, now.get(names, {}), figures) for each in written]
        n, ok, *others = n_now.get(names, (0, 0, 0, 0, 0))
        state, _ = judge(n, ok + (n - ok - sum(others)), limits)
        told = [
            _told(a, b, before.get(names, {}), waived.covering(*names, b.metric, b.percentile))
            for a, b in zip(written, limits, strict=True)
        ]
        worst_first = tuple(sorted(told, key=lambda one: (-_over_by(one), -one.times)))
        requests = n, n_before.get(names, (0,))[0]
        class_ = standards.options.use_cases[use_case].class_ if use_case in standards.options.use_cases else ""
        who = (service, use_case, class_, owner_of(standards, service))
        results.append(ServiceResult(*who, *requests, str(state), worst_first))
    return tuple(sorted(results, key=_place))


def _subjects(standards: Standards, traffic: Mapping[Group, tuple[int, ...]]) -> Iterator[tuple[str, str]]:
    listed = {(name, use_case) for name, each in standards.options.services.items() for use_case in each.use_cases}
    yield from sorted(listed | {(names[0], names[1]) for names in traffic if names[0]})


def _judged(
    written: Written,
    counted: Mapping[tuple[str, str], tuple[int, int]],
    figures: Mapping[str, Mapping[str, float | None]],
) -> Limit:
    metric = METRICS[written.metric]
    n, over = counted.get((metric, written.percentile), (0, 0))
    quantile = figures.get(metric, {}).get(written.percentile)
    value = over / n if written.percentile == "mean" and n else quantile
    return Limit(metric, written.percentile, written.value, n, over, value)


def _told(
    written: Written, limit: Limit, before: Mapping[tuple[str, str], tuple[int, int]], waiver: Waiver | None
) -> LimitResult:
    was_n, was_over = before.get((limit.metric, limit.percentile), (0, 0))
    return LimitResult(
        text=limit_text(written),
        n=limit.n,
        over=limit.over,
        allowed=_allowed(written),
        measured="" if limit.measured is None else in_words(limit.metric, limit.measured),
        state=str(limit.state),
        before=was_over / was_n if was_n else None,
        waived="" if waiver is None else last_day(waiver).isoformat(),
    )


def limit_text(written: Written) -> str:
    """Return a limit as people say it: `ttft p95 ≤ 800 ms`, `errors ≤ 1 %`."""
    if written.metric == "error_share":
        return f"errors ≤ {figure(written)}"
    return f"{written.metric.replace('_', ' ')} {written.percentile} ≤ {figure(written)}"


def _allowed(written: Written) -> float:
    share = allowed_share(written.percentile)
    # 1 - 0.95 is not 0.05 in binary, and is read by people.
    return written.value if share is None else round(share, 6)


def _over_by(one: LimitResult) -> float:
    return one.times if one.state == State.OVER else -1.0 if one.state == State.WITHIN else -2.0


def _place(result: ServiceResult) -> tuple[int, float, str, str]:
    order = (State.OVER, State.WITHIN, State.TOO_FEW, State.NO_BUDGET, State.NO_TRAFFIC)
    worst = result.limits[0].times if result.limits else 0.0
    return order.index(State(result.state)), -min(worst, 1e9), result.service, result.use_case


def owner_of(standards: Standards, service: str) -> str:
    """Return the team of a service; empty for none."""
    known = standards.options.services.get(service)
    return (known.owner or "") if known is not None else ""


def by_class(services: tuple[ServiceResult, ...]) -> tuple[ClassResult, ...]:
    """Add the use cases of each class up; the class with the largest share over its budget first."""
    states: defaultdict[str, list[ServiceResult]] = defaultdict(list)
    for each in services:
        if each.state != State.NO_TRAFFIC:
            states[each.class_].append(each)
    found = []
    for name, results in states.items():
        over = sum(each.state == State.OVER for each in results)
        within = sum(each.state == State.WITHIN for each in results)
        requests = sum(each.requests for each in results)
        found.append(ClassResult(name, within, over, len(results) - over - within, requests))
    return tuple(sorted(found, key=lambda one: (-one.over / max(1, one.over + one.within), -one.over, one.class_)))


def left(ledger: Ledger, standards: Standards, span: Span) -> tuple[BudgetLeft, ...]:
    """Return of every use case with traffic the limit of which least is left, the most used first.

    Raises `LedgerError`.
    """
    window = ledger.totals.limits(span.until - WINDOW_DAYS * _DAY_S, span.until)
    day = ledger.totals.limits(span.until - _DAY_S, span.until)
    found = [
        min(lefts, key=lambda one: (one.left, one.limit))
        for names in sorted(window)
        if (lefts := list(_lefts(standards, names, window, day)))
    ]
    soon = math.inf
    return tuple(
        sorted(found, key=lambda one: (one.left, soon if one.days_left is None else one.days_left, one.service))
    )


def _lefts(standards: Standards, names: Group, window: _Counts, day: _Counts) -> Iterator[BudgetLeft]:
    service, use_case = names[0], names[1]
    if not service or use_case not in standards.use_cases:
        return
    for written in standards.use_cases[use_case].limits:
        key, allowed = (METRICS[written.metric], written.percentile), _allowed(written)
        whole, last = (Count(*each.get(names, {}).get(key, (0, 0))) for each in (window, day))
        enough = Limit(key[0], key[1], written.value, whole.n, whole.over, None).n_min
        if whole.n < enough or not allowed:
            continue
        share_left = budget_left(whole, allowed)
        if share_left is not None:
            days = days_to_exhaustion(whole, last, allowed)
            owner = owner_of(standards, service)
            yield BudgetLeft(service, use_case, owner, limit_text(written), share_left, days, whole.n)
