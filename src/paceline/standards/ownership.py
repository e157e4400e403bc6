"""What a person writes about who answers for what: teams, services, waivers.

Owns these keys of `Options`. Must not check that the names in them exist (see `references`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from paceline.standards.alerting import AlertOptions, QuietHours
from paceline.standards.bounds import ModeName
from paceline.standards.budget import Part
from paceline.standards.scalars import ListOf, Money
from paceline.standards.traffic import RateLimits

__all__ = ["ExclusionOptions", "ServiceBudget", "ServiceOptions", "TeamOptions", "WaiverOptions"]

PhaseName = Literal["pilot", "codify", "expand", "govern"]


class TeamOptions(Part):
    """A team that owns services."""

    alerts: ListOf[AlertOptions] = Field(
        default=[], description="Where it hears of incidents.", examples=[[{"slack": "env:SLACK"}]]
    )
    quiet_hours: QuietHours | None = Field(
        default=None, description="When only a page comes through.", examples=[{"from": "20:00", "to": "08:00"}]
    )
    escalate_to: str | None = Field(
        default=None, description="The team that hears of its incidents past their due time.", examples=["platform"]
    )
    phase: PhaseName | None = Field(default=None, description="Where it stands in the rollout.", examples=["pilot"])
    contact: str = Field(default="", description="Whom to ask.", examples=["#support-platform"])
    limits: RateLimits = Field(
        default=RateLimits(),
        description="The most all its services together may do.",
        examples=[{"usd_per_month": 2000}],
    )


class ServiceBudget(Part):
    """Money a service means to spend: reports and reviews hold it against this, and no call is refused for it."""

    usd_per_month: Money | None = Field(
        default=None,
        description="US dollars a calendar month; `limits.usd_per_month` is the amount past which calls are refused.",
        examples=[400],
    )


class ServiceOptions(Part):
    """An application that calls models. It must have an owner and at least one use case."""

    owner: str | None = Field(default=None, description="The team that answers for it; required.", examples=["support"])
    use_cases: ListOf[str] = Field(default=[], description="Its use cases; at least one.", examples=[["support-chat"]])
    default_use_case: str | None = Field(
        default=None,
        description="Use case of untagged requests; the only one if there is one.",
        examples=["support-chat"],
    )
    mode: ModeName | None = Field(
        default=None, description="How strictly the standards apply; `policy.mode` if absent.", examples=["warn"]
    )
    budget: ServiceBudget = Field(
        default=ServiceBudget(), description="Money it means to spend.", examples=[{"usd_per_month": 400}]
    )
    limits: RateLimits = Field(
        default=RateLimits(), description="The most it may do.", examples=[{"requests_per_minute": 600}]
    )
    description: str = Field(default="", description="What it does.", examples=["Help desk web application."])


class WaiverOptions(Part):
    """An approved exception with an end."""

    service: str = Field(description="The service it covers.", examples=["helpdesk"])
    use_case: str | None = Field(
        default=None, description="The use case it covers; all of the service if absent.", examples=["support-chat"]
    )
    limit: str | None = Field(
        default=None, description="The limit it accepts breaches of; every limit if absent.", examples=["ttft p95"]
    )
    model: str | None = Field(default=None, description="The model it allows.", examples=["large"])
    rule: str | None = Field(
        default=None, description="The rule it lifts: a code that `paceline explain` knows.", examples=["G204"]
    )
    reason: str = Field(min_length=1, description="Why.", examples=["Evaluation of the large model until the launch."])
    requester: str = Field(min_length=1, description="Who asked.", examples=["dana"])
    approver: str = Field(min_length=1, description="Who agreed.", examples=["lee"])
    granted: date | None = Field(default=None, description="First day; today if absent.", examples=["2026-11-01"])
    until: date = Field(description="Last day.", examples=["2026-12-31"])


class ExclusionOptions(Part):
    """A time that is not judged: known maintenance. What happens in it is recorded and shown all the same."""

    service: str | None = Field(default=None, description="The service; all if absent.", examples=["helpdesk"])
    use_case: str | None = Field(default=None, description="The use case; all if absent.", examples=["support-chat"])
    reason: str = Field(min_length=1, description="Why.", examples=["Weekly reindexing."])
    starts: datetime = Field(
        description="When the first begins, with its offset from UTC.", examples=["2026-11-28T22:00:00+01:00"]
    )
    minutes: int = Field(ge=1, le=10_080, description="How long each lasts.", examples=[120])
    rule: str | None = Field(
        default=None, description="How it recurs: an RRULE of RFC 5545; once if absent.", examples=["FREQ=WEEKLY"]
    )
    timezone: str = Field(
        default="UTC", description="Time zone whose wall clock it keeps to.", examples=["Europe/Berlin"]
    )
