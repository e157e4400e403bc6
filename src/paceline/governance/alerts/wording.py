"""An alert in plain words: who, what, since when, how bad, what changed, what to do next.

Owns the sentences; senders only dress them. Every line is plain text: escaping is the sender's business.
"""

from __future__ import annotations

from datetime import datetime

from paceline.governance.alerts.alert import Alert, Severity, State

__all__ = ["facts", "headline", "plain_text"]

_SOON = {
    Severity.PAGE: "look now",
    Severity.URGENT: "look today",
    Severity.TICKET: "look this week",
}

_EVENTS = {"test": "Test: ", "worsened": "Worse: ", "reminder": "Still open: ", "overdue": "Overdue: "}


def headline(alert: Alert) -> str:
    """Say in one line what is wrong where, or that it is over."""
    if alert.event == "review":
        return alert.service
    if alert.state is State.RESOLVED:
        return f"Resolved: {alert.subject}: {_was(alert.what)}"
    return f"{_EVENTS.get(alert.event, '')}{alert.subject}: {alert.what} ({_SOON[alert.severity]})"


def facts(alert: Alert) -> list[tuple[str, str]]:
    """List label and text, in the order people ask for them. What is not known is left out; a label may be empty."""
    if alert.among:
        return [("" if alert.event == "review" else "Incident", each) for each in alert.among]
    owner = alert.owner or "nobody: this service has no owner"
    found = [("Owner", f"{owner} ({alert.contact})" if alert.contact else owner), ("Since", moment(alert.since))]
    if alert.ended is not None:
        found.append(("Until", f"{moment(alert.ended)}, after {_span((alert.ended - alert.since).total_seconds())}"))
    if alert.share_over is not None:
        allowed = f", {_percent(alert.share_allowed)} allowed" if alert.share_allowed is not None else ""
        found.append(("Over the limit now", f"{_percent(alert.share_over)} of requests{allowed}"))
    if alert.budget_left is not None:
        found.append(("Budget left", _budget(alert)))
    found += [("What changed", change) for change in alert.changed]
    if alert.next_step and alert.state is State.FIRING:
        found.append(("Next", alert.next_step))
    return found


def plain_text(alert: Alert) -> str:
    """Write the whole message as text, for mail and logs."""
    lines = [headline(alert), ""]
    lines += [f"{label}: {text}" if label else text for label, text in facts(alert)]
    if alert.link:
        lines += ["", alert.link]
    return "\n".join(lines)


def moment(at: datetime) -> str:
    """Write a time as people read it: `2026-11-23 14:05 UTC`."""
    return at.strftime("%Y-%m-%d %H:%M UTC")


def _was(clause: str) -> str:
    return clause.replace(" is ", " was ", 1)


def _percent(share: float) -> str:
    percent = share * 100
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"


def _budget(alert: Alert) -> str:
    left = alert.budget_left or 0.0
    text = f"overdrawn by {_percent(-left)}" if left < 0 else _percent(left)
    if left > 0 and alert.days_left is not None:
        text += f", used up in {_span(alert.days_left * 86_400)} at this rate"
    return text


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 120:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = round(seconds / 3600)
    return f"{hours} hours" if hours < 48 else f"{round(seconds / 86_400)} days"
