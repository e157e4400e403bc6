"""PagerDuty, by the Events API v2: trigger and resolve, told apart by the dedup key. Summary at most 1,024 characters.

Source: developer.pagerduty.com, "PD-CEF" and "Send an event".
"""

from __future__ import annotations

from typing import Any, Final

from paceline.governance.alerts.alert import Alert, Severity, State
from paceline.governance.alerts.http import post
from paceline.governance.alerts.wording import facts, headline

__all__ = ["EVENTS", "payload", "send"]

EVENTS: Final = "https://events.pagerduty.com/v2/enqueue"
_SUMMARY_MAX = 1024
_SEVERITY = {Severity.PAGE: "critical", Severity.URGENT: "error", Severity.TICKET: "warning"}


def send(alert: Alert, routing_key: str, *, events: str = EVENTS) -> None:
    """Enqueue an event; `events` is the address of the API. Raises `NotSentError`."""
    post(events, payload(alert, routing_key))


def payload(alert: Alert, routing_key: str) -> dict[str, Any]:
    """Build the event. A resolve needs the key alone."""
    event: dict[str, Any] = {"routing_key": routing_key, "dedup_key": alert.key}
    if alert.state is State.RESOLVED:
        return {**event, "event_action": "resolve"}
    details: dict[str, str] = {}
    for label, text in facts(alert):
        details[label] = f"{details[label]}; {text}" if label in details else text
    event |= {
        "event_action": "trigger",
        "payload": {
            "summary": headline(alert)[:_SUMMARY_MAX],
            "source": alert.service,
            "severity": _SEVERITY[alert.severity],
            "timestamp": alert.since.isoformat(),
            "component": alert.use_case or alert.service,
            "group": alert.owner or "no owner",
            "class": alert.what,
            "custom_details": details,
        },
    }
    if alert.link:
        event["links"] = [{"href": alert.link, "text": "Open the incident"}]
    return event
