"""Routes that read: services, incidents, waivers, events, messages, the audit, reviews."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query

from paceline.gateway.api.access import REFUSED, access
from paceline.gateway.api.documents import (
    LIMIT_MAX,
    AuditDocument,
    EntryDocument,
    EventDocument,
    IncidentDocument,
    MessageDocument,
    Page,
    ServiceDocument,
    WaiverDocument,
    WholeIncident,
    page,
)
from paceline.gateway.control import Control
from paceline.governance.waivers import WaiverState, all_waivers, in_force
from paceline.standards import Standards

__all__ = ["router", "sound_standards"]

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Most items of a page.")]
AfterIncident = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,18}\.[0-9A-Za-z_]{1,40}$", description="`next` of the page before.")
]
AfterEntry = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")]
Since = Annotated[float, Query(gt=0, le=400 * 86_400, description="How far back, in seconds.")]
_DAY_S = 86_400.0


def router(control: Control) -> APIRouter:
    """Return the routes over one control process."""
    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(access(control).reader)], responses=REFUSED)
    _add_standing(routes, control)
    _add_incidents(routes, control)
    _add_happenings(routes, control)
    _add_reviews(routes, control)
    return routes


def sound_standards(control: Control) -> Standards:
    """Return the standards in force; a 503 while there are none."""
    found = control.planner.standards
    if found is None:
        raise HTTPException(503, "there are no sound standards yet; `paceline validate` shows what is wrong")
    return found


def _add_standing(routes: APIRouter, control: Control) -> None:
    @routes.get("/services")
    def services() -> Page[ServiceDocument]:
        """List the services of the standards, by name."""
        standards, now = sound_standards(control), time.time()
        held = in_force(control.ledger, standards, now).all
        open_ones = [one.limit.service for one in control.ledger.incidents.list()]
        found = [
            ServiceDocument(
                name=name,
                owner=each.owner or "",
                mode=each.mode or standards.options.policy.mode,
                use_cases=list(each.use_cases),
                open_incidents=open_ones.count(name),
                waivers=sum(waiver.service == name for waiver in held),
            )
            for name, each in sorted(standards.options.services.items())
        ]
        return Page(items=found)

    @routes.get("/waivers")
    def waivers(state: WaiverState | None = None) -> Page[WaiverDocument]:
        """List the waivers of the standards file and the ledger."""
        found = all_waivers(control.ledger, sound_standards(control), time.time())
        return Page(items=[WaiverDocument.of(one) for one in found if state is None or one.state == state])

    @routes.get("/waivers/{waiver}", responses={404: {"description": "There is no such waiver."}})
    def waiver(waiver: str) -> WaiverDocument:
        """Show one."""
        found = all_waivers(control.ledger, sound_standards(control), time.time())
        for one in found:
            if one.id == waiver:
                return WaiverDocument.of(one)
        raise HTTPException(404, "there is no such waiver")


def _add_incidents(routes: APIRouter, control: Control) -> None:
    @routes.get("/incidents")
    def incidents(
        state: Literal["open", "ended", "all"] = "open",
        service: Annotated[str | None, Query(max_length=200)] = None,
        kind: Annotated[str | None, Query(max_length=50)] = None,
        limit: Limit = 100,
        after: AfterIncident = None,
    ) -> Page[IncidentDocument]:
        """List incidents, the latest detected first."""
        at, _, number = (after or "").partition(".")
        mark = (int(at), number) if after is not None else None
        found = control.ledger.incidents.page(state, service=service, kind=kind, after=mark, limit=limit + 1)
        return page(found, limit, IncidentDocument.of, lambda one: f"{one.detected_us}.{one.id}")

    @routes.get("/incidents/{incident}", responses={404: {"description": "There is no such incident."}})
    def incident(incident: str) -> WholeIncident:
        """Show an incident and its timeline."""
        found = control.ledger.incidents.get(incident)
        if found is None:
            raise HTTPException(404, "there is no such incident")
        timeline = [EntryDocument.of(event) for event in found[1]]
        return WholeIncident(**IncidentDocument.of(found[0]).model_dump(), timeline=timeline)

    @routes.get("/incidents/{incident}/messages")
    def told(incident: str) -> Page[MessageDocument]:
        """List what was told of an incident, and to whom."""
        return Page(items=[MessageDocument.of(one) for one in control.ledger.outbox.of(incident)])


def _add_happenings(routes: APIRouter, control: Control) -> None:
    @routes.get("/events")
    def events(
        since: Since = _DAY_S, service: Annotated[str | None, Query(max_length=200)] = None
    ) -> Page[EventDocument]:
        """List what happened of late, oldest first: deploys, plans, outages, alerts of others."""
        now = time.time()
        found = control.ledger.events.between(int((now - since) * 1e6), int((now + 60) * 1e6), service=service)
        return Page(items=[EventDocument.of(one) for one in found])

    @routes.get("/messages")
    def messages(since: Since = _DAY_S) -> Page[MessageDocument]:
        """List the messages of late, oldest first: sent, waiting, failed."""
        found = control.ledger.outbox.since(int((time.time() - since) * 1e6))
        return Page(items=[MessageDocument.of(one) for one in found])

    @routes.get("/audit")
    def audit(
        subject: Annotated[str | None, Query(max_length=200)] = None, limit: Limit = 100, after: AfterEntry = None
    ) -> Page[AuditDocument]:
        """List who did what, the latest first."""
        before = int(after) if after is not None else None
        found = control.ledger.audit.list(subject=subject, before=before, limit=limit + 1)
        return page(found, limit, AuditDocument.of, lambda one: str(one.id))


def _add_reviews(routes: APIRouter, control: Control) -> None:
    @routes.get("/reviews")
    def reviews(limit: Limit = 50) -> Page[dict[str, Any]]:
        """List the reviews that were written, the latest first, without their text."""
        found = control.ledger.reviews.list(most=limit)
        times = [{name: getattr(one, f"{name}_us") / 1e6 for name in ("since", "until", "made")} for one in found]
        shown = [{"id": one.id, "period": one.period, **at} for one, at in zip(found, times, strict=True)]
        return Page(items=shown)

    @routes.get("/reviews/{review}", responses={404: {"description": "There is no such review."}})
    def review(review: str) -> dict[str, Any]:
        """Show a review as it was written."""
        found = control.ledger.reviews.get(review)
        if found is None:
            raise HTTPException(404, "there is no such review")
        return dict(found.document)
