"""Checks of alerts across sections: one channel each, mail that can be sent, teams and time zones that exist."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from paceline.standards.alerting import CHANNELS, AlertOptions
from paceline.standards.context import Context
from paceline.standards.faults import Code
from paceline.standards.names import Path, shown

__all__ = ["check_alerting"]


def check_alerting(context: Context) -> None:
    """Note what stops an alert from arriving."""
    alerting = context.options.alerting
    if alerting.default_team is not None:
        context.refer(Code.TEAM_UNKNOWN, "teams", alerting.default_team, ("alerting", "default_team"), "team")
    for index, name in enumerate(alerting.review.to if alerting.review is not None else ()):
        context.refer(Code.TEAM_UNKNOWN, "teams", name, ("alerting", "review", "to", index), "team")
    owners = {service.owner for service in context.options.services.values()}
    for name, team in context.options.teams.items():
        if name in owners and not team.contact.strip() and not context.touched("teams", name):
            hint = 'Add `contact: "#channel"`, or whom else to ask'
            context.note(
                Code.CONTACT_MISSING, ("teams", name), f"the team `{name}` owns services and has no contact", hint
            )
        if team.escalate_to is not None:
            context.refer(Code.TEAM_UNKNOWN, "teams", team.escalate_to, ("teams", name, "escalate_to"), "team")
        if team.quiet_hours is not None:
            _timezone(context, team.quiet_hours.timezone, ("teams", name, "quiet_hours", "timezone"))
        if not context.touched("teams", name, "alerts"):
            for index, alert in enumerate(team.alerts):
                _channel(context, alert, ("teams", name, "alerts", index))


def _channel(context: Context, alert: AlertOptions, path: Path) -> None:
    named = [each for each in CHANNELS if getattr(alert, each) is not None]
    if len(named) != 1:
        said = f"names {' and '.join(named)}" if named else "names no channel"
        hint = "Write one entry of the list for each channel" if named else f"Write one of {', '.join(CHANNELS)}"
        context.note(Code.VALUE_WRONG, path, f"an alert goes one way, and this one {said}", hint)
        return
    if alert.signing_secret is not None and alert.webhook is None:
        hint = "Remove it, or make the channel a `webhook`"
        context.note(Code.VALUE_WRONG, (*path, "signing_secret"), "only a webhook's messages are signed", hint)
    if alert.email is not None:
        _mail(context, alert.email, (*path, "email"))


def _mail(context: Context, address: str, path: Path) -> None:
    if "@" not in address.strip("@") or any(letter.isspace() for letter in address):
        hint = "Write it like `support@acme.example`"
        context.note(Code.VALUE_WRONG, path, f"{shown(address)} is not a mail address", hint)
    alerting = context.options.alerting
    if (alerting.smtp is None or not alerting.sender) and not context.touched("alerting"):
        hint = "Add `alerting: {smtp: env:SMTP, sender: paceline@YOUR.DOMAIN}`"
        context.note(Code.VALUE_WRONG, path, "mail needs `alerting.smtp` and `alerting.sender`", hint)


def _timezone(context: Context, name: str, path: Path) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        hint = "Write a name such as `Europe/Berlin`, or `UTC`"
        context.note(Code.VALUE_WRONG, path, f"there is no time zone {shown(name)} on this machine", hint)
