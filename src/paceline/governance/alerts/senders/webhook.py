"""Any webhook, in Alertmanager's form (version 4), signed where a secret was agreed on.

The signature is `sha256=` and the hex HMAC-SHA-256 of `TIMESTAMP.BODY` in `x-paceline-signature`, the timestamp, whole
seconds since 1970, in `x-paceline-timestamp`. Source of the form: prometheus.io, "webhook_config".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any, Final

from paceline.governance.alerts.alert import Alert, State
from paceline.governance.alerts.http import post
from paceline.governance.alerts.wording import headline, plain_text

__all__ = ["payload", "send", "signature"]

_NEVER: Final = "0001-01-01T00:00:00Z"
"""What stands in `endsAt` of an alert that goes on."""


def send(alert: Alert, url: str, *, secret: str | None = None, now_s: float | None = None) -> None:
    """Post the alert, signed with `secret` if there is one; `now_s` is when. Raises `NotSentError`."""
    body = json.dumps(payload(alert), ensure_ascii=False, separators=(",", ":")).encode()
    headers = {}
    if secret:
        stamp = str(int(time.time() if now_s is None else now_s))
        headers = {"x-paceline-timestamp": stamp, "x-paceline-signature": signature(secret, stamp, body)}
    post(url, body, headers=headers)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Compute what a receiver does to be sure that the message is ours and new."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def payload(alert: Alert) -> dict[str, Any]:
    """Build one group of one alert."""
    labels = {
        "alertname": "PacelineIncident",
        "severity": alert.severity.value,
        "service": alert.service,
        "use_case": alert.use_case,
        "owner": alert.owner,
        "incident": alert.incident,
    }
    labels = {name: value for name, value in labels.items() if value}
    annotations = {"summary": headline(alert), "description": plain_text(alert)}
    one = {
        "status": alert.state.value,
        "labels": labels,
        "annotations": annotations,
        "startsAt": alert.since.isoformat(),
        "endsAt": _NEVER if alert.ended is None or alert.state is State.FIRING else alert.ended.isoformat(),
        "generatorURL": alert.link,
        "fingerprint": alert.key.removeprefix("paceline-")[:16],
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{incident="{alert.incident}"}}',
        "truncatedAlerts": 0,
        "status": alert.state.value,
        "receiver": alert.owner or "no-owner",
        "groupLabels": {"incident": alert.incident},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": alert.link,
        "alerts": [one],
    }
