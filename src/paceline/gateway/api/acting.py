"""Routes that act on incidents and waivers, as whoever the token names. An owner acts for its own team only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from paceline.gateway.api.access import REFUSED, Caller, access
from paceline.gateway.api.documents import IncidentDocument, WaiverDocument
from paceline.gateway.api.reading import sound_standards
from paceline.gateway.control import Control
from paceline.governance.alerts.errors import GovernanceError
from paceline.governance.incidents import acting
from paceline.governance.incidents.states import ENDS, IncidentState, Reason, TransitionError
from paceline.governance.waivers import all_waivers, deciding

__all__ = ["router", "told"]

_NO_INCIDENT: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "There is no such incident."},
    409: {"description": "It cannot go there from where it stands."},
}
_NO_WAIVER: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "There is no such waiver in the ledger."},
    409: {"description": "The rules of waivers do not allow it."},
}

Text = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")]


class Strict(BaseModel):
    """A body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class NewState(Strict):
    """Where an incident goes. A false alarm needs a note, a resolution a reason."""

    to: Literal["triaged", "investigating", "mitigated", "resolved", "false_alarm"]
    reason: Reason | None = None
    note: str = Field(default="", max_length=4000)


class NewNote(Strict):
    """A note for a timeline."""

    text: Text


class NewWaiver(Strict):
    """What is asked for; an empty part of the scope covers all."""

    service: str = Field(max_length=200)
    use_case: str = Field(default="", max_length=200)
    limit: str = Field(default="", max_length=100, description="Such as `ttft p95`.")
    rule: str = Field(default="", max_length=20)
    model: str = Field(default="", max_length=200)
    reason: Text
    days: int = Field(ge=1, le=3660)


class Because(Strict):
    """Why."""

    reason: Text


def router(control: Control) -> APIRouter:
    """Return the routes over one control process."""
    routes = APIRouter(prefix="/api/v1", responses=REFUSED)
    _add_incidents(routes, control)
    _add_requests(routes, control)
    _add_decisions(routes, control)
    return routes


def _add_incidents(routes: APIRouter, control: Control) -> None:
    actor = Depends(access(control).actor)

    @routes.post("/incidents/{incident}/state", responses=_NO_INCIDENT)
    def state(incident: str, wanted: NewState, caller: Caller = actor) -> IncidentDocument:
        """Move an incident on, or end it."""
        _check_owner(control, incident, caller)
        to = IncidentState(wanted.to)
        with told():
            if to in ENDS:
                acting.end(control.ledger, incident, caller.name, to, reason=wanted.reason, text=wanted.note)
            else:
                acting.acknowledge(control.ledger, incident, caller.name, to=to)
                if wanted.note.strip():
                    acting.note(control.ledger, incident, caller.name, wanted.note.strip())
        return _shown(control, incident)

    @routes.post("/incidents/{incident}/notes", status_code=201, responses=_NO_INCIDENT)
    def note(incident: str, wanted: NewNote, caller: Caller = actor) -> IncidentDocument:
        """Add a note to an incident's timeline."""
        _check_owner(control, incident, caller)
        with told():
            acting.note(control.ledger, incident, caller.name, wanted.text.strip())
        return _shown(control, incident)


def _add_requests(routes: APIRouter, control: Control) -> None:
    actor = Depends(access(control).actor)

    @routes.post("/waivers", status_code=201, responses={409: _NO_WAIVER[409]})
    def request(wanted: NewWaiver, caller: Caller = actor) -> WaiverDocument:
        """Ask for a waiver; another person has to approve it."""
        _check_team(control, wanted.service, caller)
        with _decided():
            asked = deciding.Request(requester=caller.name, **wanted.model_dump())
            number, _ = deciding.request(control.ledger, sound_standards(control), asked)
        return _waiver(control, number)

    @routes.post("/waivers/{waiver}/revoke", responses=_NO_WAIVER)
    def revoke(waiver: str, why: Because, caller: Caller = actor) -> WaiverDocument:
        """End an approved waiver before its time, or take a request back."""
        known = control.ledger.waivers.get(waiver)
        if known is None:
            raise HTTPException(404, "the ledger has no such waiver")
        _check_team(control, known.service, caller)
        with _decided():
            deciding.revoke(control.ledger, waiver, caller.name, why.reason)
        return _waiver(control, waiver)


def _add_decisions(routes: APIRouter, control: Control) -> None:
    admin = Depends(access(control).admin)

    @routes.post("/waivers/{waiver}/approve", responses=_NO_WAIVER)
    def approve(waiver: str, caller: Caller = admin) -> WaiverDocument:
        """Approve a waiver that another person asked for."""
        _check_waiver(control, waiver)
        with _decided():
            deciding.approve(control.ledger, sound_standards(control), waiver, caller.name)
        return _waiver(control, waiver)

    @routes.post("/waivers/{waiver}/deny", responses=_NO_WAIVER)
    def deny(waiver: str, why: Because, caller: Caller = admin) -> WaiverDocument:
        """Deny a waiver that is asked for."""
        _check_waiver(control, waiver)
        with _decided():
            deciding.deny(control.ledger, waiver, caller.name, why.reason)
        return _waiver(control, waiver)


def _check_owner(control: Control, incident: str, caller: Caller) -> None:
    found = control.ledger.incidents.get(incident)
    if found is None:
        raise HTTPException(404, "there is no such incident")
    if not caller.may_act_for(found[0].owner):
        raise HTTPException(403, f"it belongs to {found[0].owner or 'nobody'}; the token is of team {caller.team}")


def _check_team(control: Control, service: str, caller: Caller) -> None:
    known = sound_standards(control).options.services.get(service)
    owner = (known.owner or "") if known is not None else ""
    if not caller.may_act_for(owner):
        raise HTTPException(403, f"the service belongs to {owner or 'nobody'}; the token is of team {caller.team}")


def _check_waiver(control: Control, waiver: str) -> None:
    if control.ledger.waivers.get(waiver) is None:
        raise HTTPException(404, "the ledger has no such waiver")


@contextmanager
def told() -> Iterator[None]:
    """Turn what the rules of incidents refuse into an answer."""
    try:
        yield
    except TransitionError as error:
        raise HTTPException(409, str(error)) from error
    except GovernanceError as error:
        raise HTTPException(404, str(error)) from error


@contextmanager
def _decided() -> Iterator[None]:
    try:
        yield
    except deciding.WaiverError as error:
        raise HTTPException(409, f"{error}: {error.fix}") from error


def _shown(control: Control, incident: str) -> IncidentDocument:
    found = control.ledger.incidents.get(incident)
    if found is None:
        raise HTTPException(404, "there is no such incident")
    return IncidentDocument.of(found[0])


def _waiver(control: Control, number: str) -> WaiverDocument:
    found = all_waivers(control.ledger, sound_standards(control), time.time())
    return WaiverDocument.of(next(one for one in found if one.id == number))
