"""Which channels an alert goes to, and when: routes by owner and severity, quiet hours.

Owns the names of channels: stable over restarts and other channels coming and going, and without their secrets. Reads
secrets only when something is sent.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from paceline.governance.alerts.alert import Alert, Severity
from paceline.governance.alerts.errors import NotSentError
from paceline.governance.alerts.senders import email, log, pagerduty, slack, teams, webhook
from paceline.standards import Standards
from paceline.standards.alerting import AlertingOptions, AlertOptions, QuietHours

__all__ = ["LOG", "Channel", "channels", "not_before", "secret"]

LOG = "log"
"""The channel of those who have none: the control process's log."""

Send = Callable[[Alert], None]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a team."""

    team: str
    name: str
    """Its kind, and where it needs telling apart a digest of what the standards say of it: `slack-5d41ab`."""
    options: AlertOptions | None
    """None for the log."""

    @property
    def kind(self) -> str:
        """`slack`, `teams`, `pagerduty`, `webhook`, `email` or `log`."""
        return self.name.partition("-")[0]

    @property
    def is_for_people(self) -> bool:
        """True where one message may tell of several incidents; programs want each by its key."""
        return self.kind in {"slack", "teams", "email", LOG}

    def takes(self, severity: Severity) -> bool:
        """Tell whether the team wants to hear of such incidents here."""
        return self.options is None or not self.options.severities or severity.value in self.options.severities

    def sender(self, alerting: AlertingOptions, environment: Mapping[str, str] | None = None) -> Send:
        """Return what carries an alert there. Raises `NotSentError` when a secret is not there."""
        env = os.environ if environment is None else environment
        options = self.options
        if options is None:
            return log.send
        if options.slack:
            return partial(slack.send, webhook=secret(options.slack, env))
        if options.teams:
            return partial(teams.send, webhook=secret(options.teams, env))
        if options.pagerduty:
            events = alerting.pagerduty_events or pagerduty.EVENTS
            return partial(pagerduty.send, routing_key=secret(options.pagerduty, env), events=events)
        if options.webhook:
            signed_with = secret(options.signing_secret, env) if options.signing_secret else None
            return partial(webhook.send, url=secret(options.webhook, env), secret=signed_with)
        if options.email and alerting.smtp:
            return partial(email.send, to=options.email, server=secret(alerting.smtp, env), sender=alerting.sender)
        raise NotSentError("the channel cannot be used: mail needs `alerting.smtp`", again=False)


def channels(standards: Standards, team: str, severity: Severity | None = None) -> list[Channel]:
    """List a team's channels that take a severity, all if None; the log if it has none at all.

    A team that the standards do not know, or an empty name, stands for `alerting.default_team`.
    """
    name = team if team in standards.options.teams else standards.options.alerting.default_team or ""
    known = standards.options.teams.get(name)
    found = [_channel(name, options) for options in known.alerts] if known is not None else []
    if not found:
        return [Channel(name or team, LOG, None)]
    return [channel for channel in found if severity is None or channel.takes(severity)]


def not_before(quiet: QuietHours | None, severity: Severity, now: datetime) -> datetime:
    """Return when a message may go: now, or the end of the quiet hours. A page always goes now."""
    if quiet is None or severity is Severity.PAGE:
        return now
    zone = ZoneInfo(quiet.timezone)
    local = now.astimezone(zone)
    while (end := _quiet_until(quiet, local)) is not None:
        local = end
    return local.astimezone(UTC)


def secret(reference: str, environment: Mapping[str, str]) -> str:
    """Read what a reference names. Raises `NotSentError`, which names the reference."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        found = environment.get(name, "").strip()
    else:
        try:
            found = Path(name).read_text().strip()
        except (OSError, UnicodeDecodeError):
            found = ""
    if not found:
        where = f"the variable {name} is not set" if kind == "env" else f"the file {name} cannot be read or is empty"
        raise NotSentError(f"{where} where the control process runs", again=True)
    return found


def _channel(team: str, options: AlertOptions) -> Channel:
    kind = next(name for name in ("slack", "teams", "pagerduty", "webhook", "email") if getattr(options, name))
    digest = hashlib.sha256(str(getattr(options, kind)).encode()).hexdigest()[:6]
    return Channel(team, f"{kind}-{digest}", options)


def _quiet_until(quiet: QuietHours, local: datetime) -> datetime | None:
    """Return the end of the quiet time that holds at a local moment; none when it is not quiet."""
    minute, midnight = local.hour * 60 + local.minute, local.replace(hour=0, minute=0, second=0, microsecond=0)
    if quiet.weekends and local.weekday() >= 5:
        return midnight + timedelta(days=1)
    if quiet.from_ <= quiet.to:
        return midnight + timedelta(minutes=quiet.to) if quiet.from_ <= minute < quiet.to else None
    if minute >= quiet.from_:
        return midnight + timedelta(days=1, minutes=quiet.to)
    return midnight + timedelta(minutes=quiet.to) if minute < quiet.to else None
