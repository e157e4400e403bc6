"""Routes of the linter: `paceline check --report-to` says what it found in a service's code, and it is read here."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from paceline.gateway.api.access import REFUSED, Caller, access
from paceline.gateway.api.documents import LintDocument, Page
from paceline.gateway.api.reading import sound_standards
from paceline.gateway.control import Control
from paceline.ledger.lint import LintState, RuleCounts

__all__ = ["router"]

_DAY_S = 86_400.0
_RULES_MAX = 200
Number = Annotated[int, Field(ge=0, le=2**53)]
Code = Annotated[str, Field(pattern=r"^[A-Z][0-9]{3}$")]
Service = Annotated[str, Path(min_length=1, max_length=200)]
Since = Annotated[float, Query(gt=0, le=400 * 86_400, description="How far back, in seconds.")]


class Counts(BaseModel):
    """Findings of one rule: those that count, those held by pragmas, those the baseline allows."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    live: Number = 0
    pragma: Number = 0
    baseline: Number = 0


class NewLint(BaseModel):
    """What a run of the linter found in a service's code: counts, no code and no paths."""

    model_config = ConfigDict(extra="forbid")

    service: Annotated[str, Field(min_length=1, max_length=200)]
    revision: str = Field(default="", max_length=64, pattern=r"^[0-9A-Za-z._/-]*$")
    version: str = Field(default="", max_length=64, pattern=r"^[0-9A-Za-z.+_-]*$")
    files: Number = 0
    sites: Number = 0
    facts_decided: Number = 0
    facts_unknown: Number = 0
    errors: Number = 0
    warnings: Number = 0
    notes: Number = 0
    pragmas: Number = 0
    baseline: Number = 0
    rules: Annotated[list[Counts], Field(max_length=_RULES_MAX)] = []


def router(control: Control) -> APIRouter:
    """Return the routes over one control process."""
    routes = APIRouter(prefix="/api/v1", responses=REFUSED)
    rules = access(control)
    reader, actor = Depends(rules.reader), Depends(rules.actor)

    @routes.post("/lint", status_code=201, responses={404: {"description": "There is no such service."}})
    def say(found: NewLint, caller: Caller = actor) -> LintDocument:
        """Say what the linter found in a service's code. Its continuous integration does this on the default branch."""
        service = sound_standards(control).options.services.get(found.service)
        if not caller.may_act_for((service.owner or "") if service is not None else ""):
            raise HTTPException(403, "an owner's token may do this for the services of its team; an admin's for all")
        if service is None:
            raise HTTPException(404, "the standards have no such service")
        counts = {each.code: RuleCounts(each.live, each.pragma, each.baseline) for each in found.rules}
        said = found.model_dump(exclude={"rules"})
        state = LintState(**said, at_us=time.time_ns() // 1000, actor=caller.name, rules=counts)
        control.ledger.lint.put(state)
        return LintDocument.of(state)

    @routes.get("/lint", dependencies=[reader])
    def latest() -> Page[LintDocument]:
        """List what the linter last said of each service's code, by name."""
        return Page(items=[LintDocument.of(each) for each in control.ledger.lint.latest().values()])

    @routes.get("/lint/{service}", dependencies=[reader])
    def of(service: Service, since: Since = 90 * _DAY_S) -> Page[LintDocument]:
        """List what it said of one service, oldest first, at most once a day."""
        found = control.ledger.lint.of(service, int((time.time() - since) * 1e6))
        return Page(items=[LintDocument.of(each) for each in found])

    return routes
