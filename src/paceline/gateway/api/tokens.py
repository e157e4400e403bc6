"""Routes of tokens, for admins."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from paceline.gateway.api.access import REFUSED, Caller, access
from paceline.gateway.api.documents import NewTokenDocument, Page, TokenDocument
from paceline.gateway.control import Control

__all__ = ["router"]


class NewToken(BaseModel):
    """A token to make. An owner's names its team."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["viewer", "owner", "admin"]
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", description="Whose it is.")]
    team: str = Field(default="", max_length=200)


def router(control: Control) -> APIRouter:
    """Return the routes over one control process."""
    routes = APIRouter(prefix="/api/v1", responses=REFUSED)
    admin = Depends(access(control).admin)

    @routes.get("/tokens", dependencies=[admin])
    def tokens() -> Page[TokenDocument]:
        """List the tokens, the newest first, without their texts."""
        return Page(items=[TokenDocument.of(one) for one in control.ledger.tokens.list()])

    @routes.post("/tokens", status_code=201, responses={409: {"description": "An owner's token needs a team."}})
    def create(wanted: NewToken, caller: Caller = admin) -> NewTokenDocument:
        """Make a token; its text is in this answer only."""
        if (wanted.role == "owner") != bool(wanted.team):
            raise HTTPException(409, "an owner's token names its team, and no other does")
        text, made = control.ledger.tokens.create(wanted.role, wanted.name.strip(), team=wanted.team, actor=caller.name)
        return NewTokenDocument(**TokenDocument.of(made).model_dump(), token=text)

    @routes.delete("/tokens/{token}", status_code=204, responses={404: {"description": "There is no such token."}})
    def revoke(token: str, caller: Caller = admin) -> Response:
        """Revoke a token."""
        if not control.ledger.tokens.revoke(token, actor=caller.name):
            raise HTTPException(404, "there is no such token that holds")
        return Response(status_code=204)

    return routes
