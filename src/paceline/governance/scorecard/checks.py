"""The checks, one function each: facts in, a verdict with a figure and the one thing to do next out.

Owns every threshold, each with its reason. Pure: no database, no clock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from paceline.governance.scorecard.gathering import Facts
from paceline.governance.waivers import Waiver, WaiverState
from paceline.ledger.verdict import State

__all__ = ["CHECKS", "Check", "Result", "Verdict"]

_ENOUGH: Final = 100
"""Requests in 28 days below which a share says nothing."""
_TAGGED: Final = 0.98
"""Share of calls with a tag: the rest is somebody's experiment."""
_COST_KNOWN: Final = 0.98
"""Share of paid calls whose cost is known: what is left may be a model of this week, without a price yet."""
_STANDARD: Final = 0.95
"""Share of calls to models of the standards: room for trying another."""
_STREAMED: Final = 0.90
"""Share of interactive answers that are streamed: a person who waits sees nothing else."""
_CACHED: Final = 0.10
"""Share of input tokens that were cached at the provider: below it a repeated prompt's start is not cached at all."""
_CACHE_FROM: Final = 1_000
"""Input tokens of a mean request from which there is something to cache: providers' least is 1,024."""
_WAIVED_DAYS: Final = 60
"""Days of the last 90 under waivers, from which an exception has become the rule."""
_LINT_DAYS: Final = 30
"""Days after which what the linter said is about other code."""
_RENEW_DAYS: Final = 7
"""Days before a waiver's end by which it should be known what follows."""


class Verdict(enum.StrEnum):
    """What a check found."""

    MET = "met"
    NOT_MET = "not met"
    NO_DATA = "no data"
    """Shown, and never counted as met."""
    NOT_APPLICABLE = "does not apply"


class Result(NamedTuple):
    """What a check says."""

    verdict: Verdict
    figure: str = ""
    next_step: str = ""
    """The one thing to do, where it is not met."""


@dataclass(frozen=True, slots=True)
class Check:
    """A question about a service."""

    name: str
    level: str
    """The level it belongs to: `bronze`, `silver`, `gold`."""
    question: str
    decide: Callable[[Facts], Result]


def _owner(facts: Facts) -> Result:
    if not facts.owner:
        return Result(Verdict.NOT_MET, "nobody", "name the team that answers for it: `owner:`")
    if not facts.contact:
        return Result(
            Verdict.NOT_MET, f"{facts.owner}, without a contact", f"add a `contact:` to the team {facts.owner}"
        )
    return Result(Verdict.MET, f"{facts.owner}, {facts.contact}")


def _class(facts: Facts) -> Result:
    if not facts.use_cases:
        return Result(Verdict.NOT_MET, "no use case", "add `use_cases:` to the service")
    if facts.classless:
        name = facts.classless[0]
        return Result(Verdict.NOT_MET, f"{len(facts.classless)} without one", f"write the `class:` of {name}")
    return Result(Verdict.MET, f"{len(facts.use_cases)} of {len(facts.use_cases)}")


def _tagged(facts: Facts) -> Result:
    step = "set the use case in the base URL, in a header or in its key"
    return _share(facts.counts["n"] - facts.counts["n_untagged"], facts.counts["n"], _TAGGED, step)


def _cost(facts: Facts) -> Result:
    if not facts.counts["n_cost_due"] and facts.counts["n"] >= _ENOUGH:
        return Result(Verdict.NOT_APPLICABLE)
    step = "add the price of the model that has none: `prices:`"
    return _share(facts.counts["n_cost"], facts.counts["n_cost_due"], _COST_KNOWN, step)


def _overdue(facts: Facts) -> Result:
    if facts.overdue:
        step = f"take it on: paceline incidents ack {facts.overdue[0]}"
        return Result(Verdict.NOT_MET, f"{len(facts.overdue)} overdue", step)
    return Result(Verdict.MET, "none overdue")


def _budget(facts: Facts) -> Result:
    if not facts.limits:
        return Result(Verdict.NOT_APPLICABLE)
    judged = [(use_case, limit) for use_case, limit in facts.limits if limit.state in (State.WITHIN, State.OVER)]
    over = [(use_case, limit) for use_case, limit in judged if limit.state is State.OVER]
    if over:
        use_case, worst = max(over, key=lambda each: each[1].share_over or 0.0)
        name = f"{worst.metric.removesuffix('_ms').replace('_', ' ')} {worst.percentile}".removesuffix(" mean")
        said = f"{name} of {use_case}: {worst.share_over or 0:.1%} over its limit"
        return Result(Verdict.NOT_MET, said, f"see where it is slow: paceline incidents list, service {facts.name}")
    if not judged:
        return Result(Verdict.NO_DATA, "too few requests to tell")
    return Result(Verdict.MET, f"{len(judged)} of {len(judged)} limits")


def _waivers(facts: Facts) -> Result:
    past = [one for one in facts.waivers if one.source == "file" and one.state is WaiverState.EXPIRED]
    if past:
        return Result(
            Verdict.NOT_MET, f"{past[0].id} has ended", "remove it from the standards, or have it approved anew"
        )
    held = _held_days(facts)
    if held > _WAIVED_DAYS:
        return Result(Verdict.NOT_MET, f"{held} of the last 90 days", "change the budget, or the service")
    in_force = [one for one in facts.waivers if one.state is WaiverState.APPROVED]
    for one in in_force:
        days = one.days_left(facts.now)
        is_renewed = any(other.scope == one.scope and _ends_later(other, one) for other in in_force)
        if days is not None and days < _RENEW_DAYS and not is_renewed:
            step = f"decide about {one.id}: within the standards by then, or another waiver"
            return Result(Verdict.NOT_MET, f"{one.id} ends in {days} days", step)
    return Result(Verdict.MET, f"{len(in_force)} in force" if in_force else "none")


def _linted(facts: Facts) -> Result:
    said = facts.lint
    if said is None:
        return Result(Verdict.NOT_APPLICABLE, "never reported")
    days = int((facts.now.timestamp() - said.at_us / 1e6) // 86_400)
    if days > _LINT_DAYS:
        return Result(Verdict.NO_DATA, f"last reported {days} days ago", "report from CI: paceline check --report-to")
    held = f", {said.pragmas} {'pragma' if said.pragmas == 1 else 'pragmas'}, {said.baseline} in the baseline"
    if said.errors:
        return Result(
            Verdict.NOT_MET,
            f"{said.errors} {'error' if said.errors == 1 else 'errors'}{held}",
            "see where: paceline check --mode enforce",
        )
    return Result(Verdict.MET, f"no errors{held}")


def _held_days(facts: Facts) -> int:
    """Count the days of the last 90 on which any waiver held, each once; one without a begin began today."""
    held = set[int]()
    for one in facts.waivers:
        if one.approver and one.state is not WaiverState.DENIED:
            begin, end = (facts.now - (at or facts.now) for at in (one.starts, one.ends))
            held.update(range(max(0, end.days), min(90, begin.days)))
    return len(held)


def _ends_later(other: Waiver, one: Waiver) -> bool:
    return other.ends is None or (one.ends is not None and other.ends > one.ends)


def _standard(facts: Facts) -> Result:
    step = "call `auto`, a task or a model of the standards"
    return _share(facts.counts["n"] - facts.counts["n_off_standard"], facts.counts["n"], _STANDARD, step)


def _capped(facts: Facts) -> Result:
    if facts.capless:
        return Result(Verdict.NOT_MET, f"none for {facts.capless[0]}", "set `max_output_tokens`, or `learned`")
    return Result(Verdict.MET, "every use case")


def _streamed(facts: Facts) -> Result:
    answers, streamed = facts.interactive
    if not answers and facts.counts["n"] >= _ENOUGH:
        return Result(Verdict.NOT_APPLICABLE)
    return _share(streamed, answers, _STREAMED, "ask for streams where a person waits: `stream: true`")


def _cached(facts: Facts) -> Result:
    n, tokens = facts.counts["n_ok"], facts.counts["tokens_input"]
    if n < _ENOUGH:
        return Result(Verdict.NO_DATA, f"{n} answers")
    if facts.cache_hits / n >= _CACHED:
        return Result(Verdict.MET, f"{facts.cache_hits / n:.0%} of answers from the exact cache")
    if tokens / n < _CACHE_FROM:
        return Result(Verdict.NOT_APPLICABLE, f"prompts of {tokens / n:,.0f} tokens")
    share = facts.counts["tokens_cached"] / tokens
    step = "put what every call repeats first in the prompt, and keep `prompt_cache` on"
    met = share >= _CACHED
    return Result(Verdict.MET if met else Verdict.NOT_MET, f"{share:.0%} of input tokens", "" if met else step)


def _share(part: int, whole: int, least: float, step: str) -> Result:
    if whole < _ENOUGH:
        return Result(Verdict.NO_DATA, f"{whole} requests")
    if part / whole >= least:
        return Result(Verdict.MET, f"{part / whole:.1%}")
    return Result(Verdict.NOT_MET, f"{part / whole:.1%}, {least:.0%} wanted", step)


CHECKS: Final = (
    Check("owner", "bronze", "Does a team with a contact answer for it?", _owner),
    Check("class", "bronze", "Does each of its use cases name a class, and so a budget?", _class),
    Check("tagged", "bronze", "Do its calls say which use case they are for?", _tagged),
    Check("cost known", "bronze", "Is the cost of its calls known?", _cost),
    Check("no overdue incident", "silver", "Is every incident where it has to be by now?", _overdue),
    Check("within budget", "silver", "Were all limits kept over 28 days?", _budget),
    Check("output capped", "silver", "Has every use case an output cap?", _capped),
    Check("standard models", "silver", "Does it use the models of the standards?", _standard),
    Check("linted", "silver", "Is its code free of the linter's errors?", _linted),
    Check("waivers end", "gold", "Are exceptions short, and do they end?", _waivers),
    Check("streamed", "gold", "Do people who wait see the answer as it comes?", _streamed),
    Check("cached", "gold", "Is what its prompts repeat cached?", _cached),
)
"""In the order of their levels and of what to do first."""
