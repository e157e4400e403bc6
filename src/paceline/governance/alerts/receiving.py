"""Alerts of others, in Alertmanager's webhook form (version 4): kept as events, and attached to open incidents.

An alert is told apart by its fingerprint, its start and its status: what is sent again is not noted twice. Which
service it is about is in the label `service`, which provider in `provider`; without either it stands beside every
incident.
Source: prometheus.io, "webhook_config".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, Field

from paceline.ledger import Ledger
from paceline.ledger.events import Event
from paceline.ledger.incidents import Incident, IncidentEvent

__all__ = ["OutsideAlert", "OutsideAlerts", "Received", "receive"]

_ALERTS_MAX = 1000


class OutsideAlert(BaseModel):
    """One alert. Fields that are not used may be there."""

    status: str = Field(max_length=50)
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    startsAt: datetime  # noqa: N815  # Alertmanager's own name
    generatorURL: str = Field(default="", max_length=4000)  # noqa: N815
    fingerprint: str = Field(default="", max_length=200)


class OutsideAlerts(BaseModel):
    """A message of Alertmanager."""

    version: str = Field(default="4", max_length=10)
    alerts: list[OutsideAlert] = Field(max_length=_ALERTS_MAX)


class Received(NamedTuple):
    """What became of a message."""

    new: int
    attached: int
    """Entries in timelines of open incidents."""


def receive(ledger: Ledger, message: OutsideAlerts, now: float) -> Received:
    """Keep what is new of a message, and attach it to the open incidents it may explain. Raises `LedgerError`."""
    events = [event for event in map(_event, message.alerts) if ledger.events.add(event)]
    if not events:
        return Received(0, 0)
    attached = 0
    with ledger.incidents.changing() as change:
        incidents = [one for one in change.open_ones() if not one.parent]
        for event in events:
            for one in _concerned(incidents, event):
                change.note(one.id, IncidentEvent(int(now * 1e6), event.actor, "fact", event.text))
                attached += 1
    return Received(len(events), attached)


def _event(alert: OutsideAlert) -> Event:
    labels = alert.labels
    name = labels.get("alertname", "an alert")
    said = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    text = " ".join(f"{name} {alert.status}{f': {said}' if said else ''}".split())[:500]
    same = f"alert:{alert.fingerprint or sorted(labels.items())}:{alert.startsAt.isoformat()}:{alert.status}"
    return Event(
        int(alert.startsAt.timestamp() * 1e6),
        "alert",
        text,
        labels.get("service", "")[:200],
        labels.get("provider", "")[:200],
        alert.generatorURL,
        "alertmanager",
        same[:1000],
    )


def _concerned(incidents: Iterable[Incident], event: Event) -> list[Incident]:
    if event.service:
        return [one for one in incidents if one.limit.service == event.service]
    return [one for one in incidents if not event.provider or one.provider == event.provider]
