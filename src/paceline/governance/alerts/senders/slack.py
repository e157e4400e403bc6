"""Slack, by an incoming webhook. Limits of Block Kit: header 150 characters, section 3,000.

Source: docs.slack.dev, "Sending messages using incoming webhooks" and "Block Kit".
"""

from __future__ import annotations

from typing import Any

from paceline.governance.alerts.alert import Alert, Severity, State
from paceline.governance.alerts.http import post
from paceline.governance.alerts.wording import facts, headline

__all__ = ["payload", "send"]

_HEADER_MAX = 150
_SECTION_MAX = 3000
_MARK = {Severity.PAGE: ":red_circle:", Severity.URGENT: ":large_orange_circle:", Severity.TICKET: ":white_circle:"}


def send(alert: Alert, webhook: str) -> None:
    """Post the alert to an incoming webhook. Raises `NotSentError`."""
    post(webhook, payload(alert))


def payload(alert: Alert) -> dict[str, Any]:
    """Build the message: `text` is what notifications show, the blocks are what people read."""
    mark = ":white_check_mark:" if alert.state is State.RESOLVED else _MARK[alert.severity]
    said = [(f"*{_escaped(label)}:* " if label else "", _escaped(text)) for label, text in facts(alert)]
    lines = "\n".join(f"{label}{text}" for label, text in said)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": headline(alert)[:_HEADER_MAX]}},
        {"type": "section", "text": {"type": "mrkdwn", "text": lines[:_SECTION_MAX]}},
    ]
    if alert.link:
        link = f"<{_escaped(alert.link)}|Open the incident>"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": link}]})
    return {"text": f"{mark} {_escaped(headline(alert))}", "blocks": blocks}


def _escaped(text: str) -> str:
    """Slack's three characters; otherwise `<!channel>` in a service's name would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
