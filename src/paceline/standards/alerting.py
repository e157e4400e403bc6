"""What a person writes about alerts: channels of a team, its quiet hours, and how the organisation sends.

Owns these keys of `Options`. Must not send anything, nor check across sections (see `alerting_checks`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from paceline.standards.budget import Part
from paceline.standards.faults import Code
from paceline.standards.names import shown
from paceline.standards.scalars import Address, Duration, ListOf, Secret, Spelling, wrong

__all__ = ["CHANNELS", "AlertOptions", "AlertingOptions", "QuietHours", "ReviewOptions"]

CHANNELS = ("slack", "teams", "pagerduty", "webhook", "email")
"""The keys of which a channel has exactly one."""

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def _clock(value: Any) -> int:
    # YAML 1.1 reads 22:30 without quotes as a number to the base of 60, which is the same thing.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1440:
        return value
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is not a time of day", 'Write `"22:00"`')
    return int(found[1]) * 60 + int(found[2])


Clock = Annotated[
    int,
    BeforeValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"}),
    Spelling("time of day"),
]
"""Minutes after midnight."""

SeverityName = Literal["page", "urgent", "ticket"]


class AlertOptions(Part):
    """Where a team hears of incidents: one channel."""

    slack: Secret | None = Field(default=None, description="Slack webhook.", examples=["env:SUPPORT_SLACK_WEBHOOK"])
    teams: Secret | None = Field(
        default=None, description="Microsoft Teams workflow webhook.", examples=["env:SUPPORT_TEAMS_WEBHOOK"]
    )
    pagerduty: Secret | None = Field(default=None, description="PagerDuty routing key.", examples=["env:PAGERDUTY_KEY"])
    webhook: Secret | None = Field(
        default=None, description="Any webhook, in Alertmanager's form.", examples=["env:OPS_WEBHOOK"]
    )
    signing_secret: Secret | None = Field(
        default=None, description="What the webhook's messages are signed with.", examples=["env:OPS_WEBHOOK_SECRET"]
    )
    email: str | None = Field(default=None, description="Mail address.", examples=["support-oncall@acme.example"])
    severities: ListOf[SeverityName] = Field(
        default=[], description="What goes there; everything if absent.", examples=[["page", "urgent"]]
    )


class QuietHours(Part):
    """When a team is left alone: only a `page` comes through, the rest waits."""

    from_: Clock = Field(alias="from", description="Begin, local time.", examples=["20:00"])
    to: Clock = Field(description="End; the next day if it is before the begin.", examples=["08:00"])
    timezone: str = Field(default="UTC", description="IANA name of the time zone.", examples=["Europe/Berlin"])
    weekends: bool = Field(default=False, description="Saturdays and Sundays are quiet all day.", examples=[True])


class ReviewOptions(Part):
    """A review that is written and sent by itself, on the morning after its period (06:00 UTC)."""

    every: Literal["week", "month"] = Field(default="week", description="How often.", examples=["week"])
    to: ListOf[str] = Field(description="The teams it goes to, by chat and mail.", examples=[["platform"]])


class AlertingOptions(Part):
    """How alerts are sent, whoever they are for."""

    smtp: Secret | None = Field(
        default=None, description="Mail server: `smtp://USER:PASSWORD@HOST:PORT` or `smtps://`.", examples=["env:SMTP"]
    )
    sender: str = Field(default="", description="Address that mail comes from.", examples=["paceline@acme.example"])
    pagerduty_events: Address | None = Field(
        default=None,
        description="Where PagerDuty takes events, if not its default.",
        examples=["https://events.eu.pagerduty.com/v2/enqueue"],
    )
    link: Address | None = Field(
        default=None, description="Where people reach the dashboard.", examples=["https://paceline.acme.example"]
    )
    default_team: str | None = Field(
        default=None, description="Hears of incidents of services nobody owns.", examples=["platform"]
    )
    review: ReviewOptions | None = Field(
        default=None, description="The operational review, sent by itself.", examples=[{"to": ["platform"]}]
    )
    remind_every: Duration = Field(
        default=24 * 3_600_000.0, ge=300_000, description="How often an open incident is told again.", examples=["24h"]
    )
    per_hour_max: int = Field(
        default=20, ge=1, le=1000, description="Messages to one channel within an hour; more wait.", examples=[20]
    )
