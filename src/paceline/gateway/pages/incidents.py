"""Addresses of incidents: the list, one of them, and the forms that act on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from paceline.dashboard.pages import incidents
from paceline.gateway.api.access import Caller, access
from paceline.gateway.api.acting import told
from paceline.gateway.pages.site import Site, Text, csv, form_of
from paceline.governance.incidents import acting
from paceline.governance.incidents.states import ENDS, IncidentState, Reason

__all__ = ["add"]

State = Literal["open", "ended", "all"]
_COLUMNS: Final = (
    *("id", "kind", "service", "use_case", "owner", "severity", "state", "what", "since", "detected", "ended"),
    *("reason", "n", "over"),
)


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    sources = site.sources

    @routes.get("/incidents")
    def listed(
        state: State = "open",
        team: Text = None,
        severity: Text = None,
        service: Text = None,
        caller: Caller = reader,
    ) -> HTMLResponse:
        chosen = {"team": team, "severity": severity, "service": service}
        return site.page("incidents", "Incidents", "/incidents", caller, **incidents.listed(sources, state, chosen))

    @routes.get("/incidents.csv", dependencies=[reader])
    def listed_csv(state: State = "all", team: Text = None, severity: Text = None, service: Text = None) -> Response:
        chosen = {"team": team, "severity": severity, "service": service}
        return csv(_COLUMNS, map(_line, incidents.listed(sources, state, chosen)["rows"]))

    @routes.get("/incidents/{number}")
    def one(number: str, caller: Caller = reader) -> HTMLResponse:
        values = incidents.one(sources, number)
        if values is None:
            raise HTTPException(404, f"there is no incident {number}")
        may_act = caller.may_act_for(values["incident"].owner)
        return site.page("incident", f"Incident {number}", "/incidents", caller, may_act=may_act, **values)

    @routes.get("/incidents/{number}/course.csv", dependencies=[reader])
    def course_csv(number: str) -> Response:
        values = incidents.one(sources, number)
        if values is None or values["course"] is None:
            raise HTTPException(404, f"there is no incident {number} of a limit")
        points = values["course"].lines[0].points
        return csv(("at", "percent_over"), ([int(at), share] for at, share in points if share is not None))

    @routes.post("/incidents/{number}/state")
    async def state(number: str, request: Request) -> Response:
        """Move one on or end it, then show it."""
        form = await form_of(request)
        return await run_in_threadpool(_moved, site, request, number, form)

    @routes.post("/incidents/{number}/notes")
    async def note(number: str, request: Request) -> Response:
        """Add a note, then show the incident."""
        form = await form_of(request)
        return await run_in_threadpool(_noted, site, request, number, form)


def _line(row: Mapping[str, Any]) -> list[Any]:
    one = row["incident"]
    times = (None if at is None else at / 1e6 for at in (one.since_us, one.detected_us, one.ended_us))
    where = (one.id, one.kind, one.limit.service, one.limit.use_case, one.owner, one.severity)
    return [*where, row["state_words"], row["what"], *times, one.reason, one.n, one.over]


def _moved(site: Site, request: Request, number: str, form: Mapping[str, str]) -> Response:
    caller = _acting(site, request, number)
    try:
        to = IncidentState(form.get("to", ""))
        reason = Reason(form["reason"]) if form.get("reason") else None
    except ValueError as error:
        raise HTTPException(409, "there is no such state or reason") from error
    with told():
        if to in ENDS:
            acting.end(site.control.ledger, number, caller.name, to, reason=reason, text=form.get("note", ""))
        else:
            acting.acknowledge(site.control.ledger, number, caller.name, to=to)
    return RedirectResponse(f"/incidents/{number}", 303)


def _noted(site: Site, request: Request, number: str, form: Mapping[str, str]) -> Response:
    caller = _acting(site, request, number)
    text = form.get("text", "").strip()
    if not text:
        raise HTTPException(409, "the note is empty")
    with told():
        acting.note(site.control.ledger, number, caller.name, text[:4000])
    return RedirectResponse(f"/incidents/{number}", 303)


def _acting(site: Site, request: Request, number: str) -> Caller:
    caller = access(site.control).actor(request)
    found = site.control.ledger.incidents.get(number)
    if found is None:
        raise HTTPException(404, f"there is no incident {number}")
    if not caller.may_act_for(found[0].owner):
        raise HTTPException(403, f"it belongs to {found[0].owner or 'nobody'}; the token is of team {caller.team}")
    return caller
