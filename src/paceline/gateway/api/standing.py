"""Routes about standing arrangements: maintenance that is not judged, owners, scorecards."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from paceline.gateway.api.access import REFUSED, Caller, access
from paceline.gateway.api.documents import Page
from paceline.gateway.api.reading import sound_standards
from paceline.gateway.control import Control
from paceline.governance.exclusions import Exclusion, ExclusionError, add, all_exclusions
from paceline.governance.owners import ownerless
from paceline.governance.scorecard import scorecards

__all__ = ["router"]

_NOT_ALLOWED: Final[dict[int | str, dict[str, Any]]] = {409: {"description": "It cannot be made so."}}
_NONE: Final[dict[int | str, dict[str, Any]]] = {404: {"description": "The ledger has no such exclusion that goes on."}}


class NewExclusion(BaseModel):
    """A time that is not judged; an empty service or use case means all."""

    model_config = ConfigDict(extra="forbid")

    service: str = Field(default="", max_length=200)
    use_case: str = Field(default="", max_length=200)
    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
    starts: Annotated[float, Field(ge=0, le=32_503_680_000, description="Unix seconds.")]
    minutes: int = Field(ge=1, le=10_080)
    rule: str = Field(default="", max_length=500, description="An RRULE of RFC 5545; empty for once.")
    timezone: str = Field(default="UTC", max_length=100)


class ExclusionDocument(BaseModel):
    """An exclusion. Times are Unix seconds."""

    id: str
    service: str
    use_case: str
    reason: str
    actor: str
    starts: float
    minutes: int
    rule: str
    timezone: str
    ended: float | None

    @classmethod
    def of(cls, one: Exclusion) -> ExclusionDocument:
        """Show an exclusion."""
        said = {name: getattr(one, name) for name in cls.model_fields}
        ended = None if one.ended is None else one.ended.timestamp()
        return cls.model_validate({**said, "starts": one.starts.timestamp(), "ended": ended})


class OwnerlessDocument(BaseModel):
    """Calls nobody answers for."""

    service: str
    why: str
    requests: int
    cost_usd: float


def router(control: Control) -> APIRouter:
    """Return the routes over one control process."""
    routes = APIRouter(prefix="/api/v1", responses=REFUSED)
    rules = access(control)
    actor, admin = Depends(rules.actor), Depends(rules.admin)

    @routes.get("/exclusions", dependencies=[Depends(rules.reader)])
    def exclusions() -> Page[ExclusionDocument]:
        """List the times that are not judged, of the standards file and the ledger, ended ones too."""
        found = all_exclusions(control.ledger, sound_standards(control))
        return Page(items=[ExclusionDocument.of(one) for one in found])

    @routes.post("/exclusions", status_code=201, responses=_NOT_ALLOWED)
    def exclude(wanted: NewExclusion, caller: Caller = actor) -> ExclusionDocument:
        """Add a time that is not judged; for all services only an admin may."""
        standards = sound_standards(control)
        known = standards.options.services.get(wanted.service)
        if not caller.may_act_for((known.owner or "") if known is not None else ""):
            raise HTTPException(403, "the token's team does not own that service")
        try:
            starts = datetime.fromtimestamp(wanted.starts, UTC)
            said = wanted.model_dump(exclude={"starts"})
            number = add(control.ledger, standards, Exclusion(id="", actor=caller.name, starts=starts, **said))
        except ExclusionError as error:
            raise HTTPException(409, str(error)) from error
        return ExclusionDocument.of(next(one for one in all_exclusions(control.ledger, standards) if one.id == number))

    @routes.delete("/exclusions/{exclusion}", status_code=204, responses=_NONE)
    def end(exclusion: str, caller: Caller = admin) -> Response:
        """End an exclusion of the ledger, now."""
        if not control.ledger.exclusions.end(exclusion, caller.name):
            raise HTTPException(404, "the ledger has no such exclusion that goes on")
        return Response(status_code=204)

    @routes.get("/ownerless", dependencies=[Depends(rules.reader)])
    def lost(since: Annotated[float, Query(gt=0, le=400 * 86_400)] = 86_400.0) -> Page[OwnerlessDocument]:
        """List the calls nobody answers for, the most first; `since` is how far back, in seconds."""
        now = time.time()
        found = ownerless(control.ledger, sound_standards(control), now - since, now)
        return Page(items=[OwnerlessDocument.model_validate(one._asdict()) for one in found])

    @routes.get("/scorecards", dependencies=[Depends(rules.reader)])
    def cards() -> Page[dict[str, Any]]:
        """Say how far every service has come: bronze, silver, gold, with every check."""
        found = scorecards(control.ledger, sound_standards(control), time.time())
        return Page(items=[card.document() for card in found])

    return routes
