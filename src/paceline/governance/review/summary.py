"""Three to five sentences for somebody who was not there. Owns their words; every figure is one of the review's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paceline.governance.review.actions import DONE, Found, subject
from paceline.governance.review.document import Action, Outcome, ServiceResult, Spend
from paceline.governance.review.period import Period, Span
from paceline.governance.signals.words import count, days, dollars, percent
from paceline.ledger.verdict import State

__all__ = ["summed_up"]


def summed_up(span: Span, found: Found, last: Sequence[Outcome] | None, actions: Sequence[Action]) -> tuple[str, ...]:
    """Return the sentences. `last`: what became of the last review's actions; None without a last review."""
    sentences = [
        _traffic(span, found),
        _budgets(found),
        _incidents(span, found),
        _money(found),
        _actions(last, actions),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def in_period(span: Span) -> str:
    """Return `in the week of 16 to 22 November 2026` or `in November 2026`."""
    return f"in the week of {span.words}" if span.period is Period.WEEK else f"in {span.words}"


def _traffic(span: Span, found: Found) -> str:
    n = sum(one.requests for one in found.services)
    if not n:
        return f"No request came {in_period(span)}."
    services = len({one.service for one in found.services if one.requests})
    cost, before = (sum(getattr(one, name) for one in found.spend) for name in ("spent", "before"))
    change = ""
    if before:
        by = cost / before - 1
        more = "as much as" if abs(by) < 0.005 else f"{percent(abs(by))} {'more' if by > 0 else 'less'} than"
        change = f", {more} the {span.period.value} before"
    who = f"{count(services, 'service')} made {count(n, 'request')} {in_period(span)}"
    return f"{who}, for {dollars(cost)}{change}." if cost else f"{who}."


def _budgets(found: Found) -> str:
    judged = [one for one in found.services if one.state in {State.OVER, State.WITHIN}]
    over = [one for one in judged if one.state == State.OVER]
    if not judged:
        return "No budget could be judged: there were too few requests, or no limits."
    if not over:
        return f"{_all(len(judged))} that could be judged {'was' if len(judged) == 1 else 'were'} kept."
    worst = f"the worst is {_worst(over[0])}" if len(over) > 1 else f"it is {_worst(over[0])}"
    broken = f"{len(over)} of {count(len(judged), 'budget')} {'was' if len(over) == 1 else 'were'} broken"
    return f"{broken}; {worst}."


def _all(n: int) -> str:
    return "The one budget" if n == 1 else f"All {n} budgets"


def _worst(one: ServiceResult) -> str:
    limit = one.limits[0]
    who = f"{subject(one.service, one.use_case)} ({_owner(one.owner)})"
    over, allowed = percent(limit.share or 0), percent(limit.allowed)
    return f"{who}, where {over} of requests were over {limit.text} and {allowed} may be"


def _owner(owner: str) -> str:
    return f"team {owner}" if owner else "nobody's"


def _incidents(span: Span, found: Found) -> str:
    still = [one for one in found.incidents if one.ended is None]
    ended, new = len(found.incidents) - len(still), sum(one.is_new for one in found.incidents)
    period = span.period.value
    moved = f"{new or 'none'} began and {ended or 'none'} ended" if new or ended else "none began or ended"
    moved += f" in the {period}"
    if not still:
        return f"No incident is open; {moved}."
    oldest = days(max(one.age_days for one in still))
    overdue = sum(bool(one.overdue) for one in still)
    late = f", {overdue} overdue" if overdue else ""
    is_open = "incident is open" if len(still) == 1 else "incidents are open"
    age = f"for {oldest}" if len(still) == 1 else f"the oldest for {oldest}"
    return f"{len(still)} {is_open} at its end ({age}{late}); {moved}."


def _money(found: Found) -> str:
    with_budget = [one for one in found.spend if one.budget is not None]
    over = [one for one in with_budget if one.state in {"over", "heading over"}]
    if not any(one.month for one in with_budget):
        return ""
    if not over:
        whose = "The one service" if len(with_budget) == 1 else f"All {len(with_budget)} services"
        return f"{whose} with a monthly budget {_is(len(with_budget))} within it, as far as can be told."
    *some, last = _over(over)
    told = f"{', '.join(some)} and {last}" if some else last
    return f"Of {count(len(with_budget), 'monthly budget')}, {told}."


def _over(over: Sequence[Spend]) -> Iterator[str]:
    for one in over[:2]:
        budget = dollars(one.budget or 0)
        if one.state == "over":
            yield f"that of {one.service} is used up ({dollars(one.month)} of {budget})"
        else:
            yield f"that of {one.service} is heading over ({dollars(one.expected or 0)} expected, of {budget})"
    if len(over) > 2:
        yield f"{len(over) - 2} more {'is' if len(over) == 3 else 'are'} over or heading there"


def _actions(last: Sequence[Outcome] | None, actions: Sequence[Action]) -> str:
    following = f"there {_is(len(actions))} {_none(len(actions), 'action')} for the next"
    if last is None:
        return f"There is no review before this one to look back at; {following}."
    if not last:
        return f"The last review asked for nothing; {following}."
    done = sum(one.result == DONE for one in last)
    return f"Of {count(len(last), 'action')} of the last review {done or 'none'} {_is(done)} done; {following}."


def _none(n: int, one: str) -> str:
    return count(n, one) if n else f"no {one}"


def _is(n: int) -> str:
    return "is" if n < 2 else "are"
