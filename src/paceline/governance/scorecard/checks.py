"""The checks, one function each: facts in, a verdict with a figure and the one thing to do next out.

Owns every threshold, each with its reason. Pure: no database, no clock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from paceline.governance.scorecard.gathering import Facts
from paceline.governance.waivers import WaiverState

__all__ = ["CHECKS", "Check", "Result", "Verdict"]

_ENOUGH: Final = 100
"""Requests in 28 days below which a share says nothing."""
_TAGGED: Final = 0.98
"""Share of calls with a tag: the rest is somebody's experiment."""
_COST_KNOWN: Final = 0.98
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
_RENEW_DAYS: Final = 7


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
    judged = [limit for limit in facts.limits if limit.n >= _ENOUGH]
    if not facts.limits:
        return Result(Verdict.NOT_APPLICABLE)
    if not judged:
        return Result(Verdict.NO_DATA, f"fewer than {_ENOUGH} requests")
    over = [limit for limit in judged if limit.over > limit.allowed * limit.n]
    if over:
        worst = max(over, key=lambda limit: limit.over / limit.n / limit.allowed)
        said = f"{worst.words} of {worst.use_case}: {worst.over / worst.n:.1%} over, {worst.allowed:.1%} allowed"
        return Result(Verdict.NOT_MET, said, f"see where it is slow: paceline incidents list, service {facts.name}")
    return Result(Verdict.MET, f"{len(judged)} of {len(judged)} limits")


def _waivers(facts: Facts) -> Result:
    past = [one for one in facts.waivers if one.source == "file" and one.state is WaiverState.EXPIRED]
    if past:
        return Result(
            Verdict.NOT_MET, f"{past[0].id} has ended", "remove it from the standards, or have it approved anew"
        )
    held = sum((_held_days(facts, one.starts, one.ends) for one in facts.waivers if one.approver), start=0.0)
    if held > _WAIVED_DAYS:
        return Result(Verdict.NOT_MET, f"{held:.0f} of the last 90 days", "change the budget, or the service")
    in_force = [one for one in facts.waivers if one.state is WaiverState.APPROVED]
    left = {one.id: one.days_left(facts.now) for one in in_force}
    for number, days in left.items():
        if days is not None and days < _RENEW_DAYS:
            step = f"decide about {number}: within the standards by then, or another waiver"
            return Result(Verdict.NOT_MET, f"{number} ends in {days} days", step)
    return Result(Verdict.MET, f"{len(in_force)} in force" if in_force else "none")


def _held_days(facts: Facts, starts: datetime | None, ends: datetime | None) -> float:
    """Count the days of the last 90 on which a waiver held; one without a begin began today."""
    begin = max(starts or facts.now, facts.now - timedelta(days=90))
    end = min(ends or facts.now, facts.now)
    return max(0.0, (end - begin) / timedelta(days=1))


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
    if n >= _ENOUGH and tokens / n < _CACHE_FROM:
        return Result(Verdict.NOT_APPLICABLE, f"prompts of {tokens / n:,.0f} tokens")
    if n < _ENOUGH:
        return Result(Verdict.NO_DATA, f"{n} answers")
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
    Check("waivers end", "gold", "Are exceptions short, and do they end?", _waivers),
    Check("streamed", "gold", "Do people who wait see the answer as it comes?", _streamed),
    Check("cached", "gold", "Is what its prompts repeat cached?", _cached),
)
"""In the order of their levels and of what to do first."""
