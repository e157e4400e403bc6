"""The process's own log, one line of JSON an alert: what remains when every other way fails."""

from __future__ import annotations

import json
import logging

from paceline.governance.alerts.alert import Alert
from paceline.governance.alerts.wording import facts, headline

__all__ = ["line", "send"]

_LOG = logging.getLogger("paceline.alerts")


def send(alert: Alert) -> None:
    """Write the alert to the log `paceline.alerts`; never fails."""
    _LOG.warning("%s", line(alert))


def line(alert: Alert) -> str:
    """Write the line: one object, no line break inside."""
    known = {"alert": headline(alert), "key": alert.key, "state": alert.state.value, "severity": alert.severity.value}
    told: dict[str, object] = {}
    for label, text in facts(alert):
        told.setdefault(label.lower().replace(" ", "_"), text)
    return json.dumps({**known, "service": alert.service, "use_case": alert.use_case, **told}, ensure_ascii=False)
