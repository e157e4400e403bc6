"""Routes by which others tell us what happened: deploys and outages, and Alertmanager's alerts."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from paceline.gateway.api.access import REFUSED, Caller, access
from paceline.gateway.api.documents import EventDocument
from paceline.gateway.control import Control
from paceline.governance.alerts.receiving import OutsideAlerts, receive
from paceline.ledger.events import Event

__all__ = ["router"]

_AT_MAX = 32_503_680_000  # the year 3000


class NewEvent(BaseModel):
    """Something that happened, now unless `at` says otherwise (Unix seconds)."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["deploy", "outage", "other"]
    text: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
    service: str = Field(default="", max_length=200)
    provider: str = Field(default="", max_length=200)
    link: str = Field(default="", max_length=2000)
    at: Annotated[float, Field(ge=0, le=_AT_MAX)] | None = None


class ReceivedDocument(BaseModel):
    """What became of the alerts of others."""

    new: int
    attached: int


def router(control: Control) -> APIRouter:
    """Return the routes over one control process."""
    routes = APIRouter(prefix="/api/v1", responses=REFUSED)
    actor = Depends(access(control).actor)

    @routes.post("/events", status_code=201)
    def tell(wanted: NewEvent, caller: Caller = actor) -> EventDocument:
        """Tell of a deploy or an outage, for the timelines of incidents. A release pipeline does this."""
        at = time.time() if wanted.at is None else wanted.at
        said = wanted.model_dump(exclude={"at", "text"})
        event = Event(int(at * 1e6), text=" ".join(wanted.text.split()), actor=caller.name, **said)
        control.ledger.events.add(event)
        return EventDocument.of(event)

    @routes.post("/alertmanager")
    def alerts(message: OutsideAlerts, caller: Caller = actor) -> ReceivedDocument:
        """Take alerts in Alertmanager's webhook form; they are attached to the open incidents they may explain."""
        del caller
        return ReceivedDocument(**receive(control.ledger, message, time.time())._asdict())

    return routes
