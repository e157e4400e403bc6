"""Microsoft Teams, by a Workflows webhook that posts an adaptive card. Cards are bounded at 28 KB.

Source: learn.microsoft.com, "Create incoming webhooks with Workflows"; adaptivecards.io, schema 1.4.
"""

from __future__ import annotations

from typing import Any

from paceline.governance.alerts.alert import Alert, Severity, State
from paceline.governance.alerts.http import post
from paceline.governance.alerts.wording import facts, headline

__all__ = ["payload", "send"]

_TEXT_MAX = 1000
_COLOUR = {Severity.PAGE: "Attention", Severity.URGENT: "Warning", Severity.TICKET: "Default"}


def send(alert: Alert, webhook: str) -> None:
    """Post the alert to a Workflows webhook. Raises `NotSentError`."""
    post(webhook, payload(alert))


def payload(alert: Alert) -> dict[str, Any]:
    """Build a message with one adaptive card."""
    colour = "Good" if alert.state is State.RESOLVED else _COLOUR[alert.severity]
    title = {"type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": True, "color": colour}
    rows = [{"title": label, "value": _plain(text[:_TEXT_MAX])} for label, text in facts(alert)]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{**title, "text": _plain(headline(alert)[:_TEXT_MAX])}, {"type": "FactSet", "facts": rows}],
    }
    if alert.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the incident", "url": alert.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _plain(text: str) -> str:
    """Cards read Markdown: a name must not become a link or a list."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>" else letter for letter in text)
