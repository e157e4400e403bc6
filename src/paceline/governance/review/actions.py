"""What to do until the next review, derived from what was found; and whether the last review's actions happened.

Every action carries a condition that the next review checks from data: nobody ticks a box.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from paceline.governance.review.document import (
    Action,
    Coverage,
    Incident,
    Outcome,
    ServiceResult,
    Spend,
    Waiver,
)
from paceline.governance.signals.words import count, dollars, percent
from paceline.ledger.verdict import State

__all__ = ["COVERED", "Found", "actions_for", "outcomes"]

COVERED: Final = 0.95
"""Share of calls that are to be tagged, and of paid calls whose cost is to be known."""
ENOUGH: Final = 100
"""Calls below which coverage asks nobody to do anything."""

DONE, NOT_DONE, CANNOT_TELL = "done", "not done", "cannot tell"


@dataclass(frozen=True, slots=True)
class Found:
    """What actions follow from and are checked by."""

    services: tuple[ServiceResult, ...]
    incidents: tuple[Incident, ...]
    spend: tuple[Spend, ...]
    coverage: tuple[Coverage, ...]
    waivers: tuple[Waiver, ...]
    """Every approved one with an end."""


def subject(service: str, use_case: str = "") -> str:
    """Return a service, or its use case, as people say it."""
    return f"{service} / {use_case}" if use_case else service


def actions_for(found: Found, next_days: int) -> tuple[Action, ...]:
    """Derive the actions. `next_days`: length of the coming period, in which waivers may end."""
    urgent = [one for one in found.incidents if one.ended is None and (one.severity != "ticket" or one.overdue)]
    covered = {(one.service, one.use_case) for one in urgent if one.kind == "breach"}
    return (
        *map(_of_incident, urgent),
        *(_of_budget(one) for one in found.services if _is_broken(one) and _names(one) not in covered),
        *(_of_spend(one) for one in found.spend if one.state in {"over", "heading over"}),
        *(_of_waiver(one) for one in found.waivers if 0 <= one.days_left <= next_days),
        *_of_coverage(found.coverage),
        *_of_owners(found.services),
    )


def _is_broken(one: ServiceResult) -> bool:
    return one.state == State.OVER and not one.is_waived


def _names(one: ServiceResult) -> tuple[str, str]:
    return one.service, one.use_case


def _of_incident(one: Incident) -> Action:
    where = subject(one.service, one.use_case)
    late = f"; it should be {one.overdue} by now" if one.overdue else ""
    return Action(
        *(f"incident {one.id}", "incident", one.owner, one.service, one.use_case),
        text=f"End incident {one.id}: {where}: {one.what}{late}",
        condition="the incident has ended",
        about=one.id,
    )


def _of_budget(one: ServiceResult) -> Action:
    where, worst = subject(one.service, one.use_case), one.limits[0]
    return Action(
        *(f"budget {one.service}/{one.use_case}", "budget", one.owner, one.service, one.use_case),
        text=f"Bring {where} within {worst.text}: {percent(worst.share or 0)} is over it",
        condition="every limit of it is kept over the next period",
    )


def _of_spend(one: Spend) -> Action:
    budget = dollars(one.budget or 0)
    return Action(
        *(f"spend {one.service}", "spend", one.owner, one.service, ""),
        text=f"Bring the spend of {one.service} within {budget} a month, or agree another budget",
        condition="the month is within its budget, spent and foretold",
    )


def _of_waiver(one: Waiver) -> Action:
    where = subject(one.service, one.use_case)
    return Action(
        *(f"waiver {one.service}/{one.use_case}: {one.what}", "waiver", one.requester, one.service, one.use_case),
        text=f"Renew the waiver of {where} for {one.what}, or do without it after {one.last_day}",
        condition="it is renewed, or it has ended",
        about=one.last_day,
    )


def _of_coverage(found: Sequence[Coverage]) -> Iterator[Action]:
    for one in found:
        if one.requests < ENOUGH:
            continue
        if one.tagged < COVERED:
            yield Action(
                *(f"tags {one.service}", "tags", one.owner, one.service, ""),
                text=f"Tag the calls of {one.service}: {percent(1 - one.tagged)} has no use case",
                condition=f"{percent(COVERED)} of its calls are tagged",
            )
        if one.cost is not None and one.cost < COVERED:
            yield Action(
                *(f"prices {one.service}", "prices", one.owner, one.service, ""),
                text=f"Add the prices that {one.service} lacks: the cost of {percent(1 - one.cost)} is not known",
                condition=f"the cost of {percent(COVERED)} of its paid calls is known",
            )


def _of_owners(found: Sequence[ServiceResult]) -> Iterator[Action]:
    for service in sorted({one.service for one in found if one.requests and not one.owner}):
        yield Action(
            *(f"owner {service}", "owner", "", service, ""),
            text=f"Name the team that owns {service}",
            condition="it has an owner, or no traffic",
        )


def outcomes(last: Sequence[Action], found: Found) -> tuple[Outcome, ...]:
    """Say what became of the last review's actions, from what is found now."""
    return tuple(Outcome(action, *_CHECKS.get(action.kind, _unknown)(action, found)) for action in last)


def _check_incident(action: Action, found: Found) -> tuple[str, str]:
    for one in found.incidents:
        if one.id == action.about:
            if one.ended is None:
                return NOT_DONE, f"it is {one.state}, {count(round(one.age_days), 'day')} old"
            return DONE, f"{one.state}, reason {one.reason}" if one.reason else one.state
    return CANNOT_TELL, "the ledger no longer has it"


def _check_budget(action: Action, found: Found) -> tuple[str, str]:
    for one in found.services:
        if (one.service, one.use_case) == (action.service, action.use_case):
            if one.state == State.OVER:
                worst = one.limits[0]
                if one.is_waived:
                    return DONE, f"it is waived until {worst.waived}"
                return NOT_DONE, f"{percent(worst.share or 0)} is over {worst.text}"
            if one.state == State.WITHIN:
                return DONE, "within its budget"
            return CANNOT_TELL, f"{count(one.requests, 'request')} are too few to tell"
    return DONE, "the standards no longer have it"


def _check_spend(action: Action, found: Found) -> tuple[str, str]:
    for one in found.spend:
        if one.service == action.service:
            if one.state in {"over", "heading over"}:
                ends = one.month if one.expected is None else one.expected
                return NOT_DONE, f"{one.state}: {dollars(ends)} of {dollars(one.budget or 0)} by the month's end"
            if one.state == "within":
                return DONE, f"{dollars(one.month)} of {dollars(one.budget or 0)} this month"
            return (CANNOT_TELL, one.state) if one.budget is not None else (DONE, "it has no budget any more")
    return DONE, "nothing is spent"


def _check_waiver(action: Action, found: Found) -> tuple[str, str]:
    same = [one for one in found.waivers if f"waiver {one.service}/{one.use_case}: {one.what}" == action.id]
    longest = max(same, key=lambda one: one.last_day, default=None)
    if longest is None or longest.days_left < 0:
        return DONE, "it has ended"
    if longest.last_day > action.about:
        return DONE, f"renewed until {longest.last_day}"
    return NOT_DONE, f"it ends on {longest.last_day}"


def _check_tags(action: Action, found: Found) -> tuple[str, str]:
    for one in found.coverage:
        if one.service == action.service:
            return (DONE if one.tagged >= COVERED else NOT_DONE), f"{percent(one.tagged)} is tagged"
    return CANNOT_TELL, "it had no traffic"


def _check_prices(action: Action, found: Found) -> tuple[str, str]:
    for one in found.coverage:
        if one.service == action.service and one.cost is not None:
            return (DONE if one.cost >= COVERED else NOT_DONE), f"the cost of {percent(one.cost)} is known"
    return CANNOT_TELL, "it had no paid calls"


def _check_owner(action: Action, found: Found) -> tuple[str, str]:
    mine = [one for one in found.services if one.service == action.service and one.requests]
    if not mine:
        return DONE, "it has no traffic any more"
    return (DONE, f"it is {mine[0].owner}'s") if mine[0].owner else (NOT_DONE, "nobody owns it")


def _unknown(_action: Action, _found: Found) -> tuple[str, str]:
    return CANNOT_TELL, "this version does not know how to check it"


_CHECKS: Final[dict[str, Callable[[Action, Found], tuple[str, str]]]] = {
    "incident": _check_incident,
    "budget": _check_budget,
    "spend": _check_spend,
    "waiver": _check_waiver,
    "tags": _check_tags,
    "prices": _check_prices,
    "owner": _check_owner,
}
