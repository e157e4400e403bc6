"""Who calls, and what they may: the admin key, tokens with roles, or anybody on loopback for reading.

Owns the rules of access; the routes ask for what they need. No answer tells whether a name exists to those who may not
read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request

from paceline.gateway.address import Address, AddressError
from paceline.gateway.admin import is_admin_key
from paceline.gateway.control import Control
from paceline.ledger.tokens import PREFIX

__all__ = ["REFUSED", "Access", "Caller", "access"]

REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"description": "A token is wanted, and there is none or a wrong one."},
    403: {"description": "The token's role does not allow it."},
    503: {"description": "The ledger or the standards cannot be used now."},
}
"""Answers that any route may give."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    name: str
    role: str
    """`viewer`, `owner` or `admin`."""
    team: str = ""

    def may_act_for(self, team: str) -> bool:
        """Tell whether it may act on what a team owns."""
        return self.role == "admin" or (self.role == "owner" and bool(team) and self.team == team)


@dataclass(frozen=True, slots=True)
class Access:
    """What routes depend on."""

    reader: Callable[[Request], Caller]
    actor: Callable[[Request], Caller]
    """Owners and admins; for which team is the route's question."""
    admin: Callable[[Request], Caller]


def access(control: Control) -> Access:
    """Return the rules over one control process."""

    def reader(request: Request) -> Caller:
        found = _caller(control, request)
        if found is None and (control.needs_key or not names_loopback(request.headers.get("host", ""))):
            raise _unknown()
        return found or Caller("somebody on this machine", "viewer")

    def actor(request: Request) -> Caller:
        found = _caller(control, request)
        if found is None:
            raise _unknown()
        if found.role == "viewer":
            raise HTTPException(403, "a viewer's token only reads; an owner's or admin's token may do this")
        return found

    def admin(request: Request) -> Caller:
        found = _caller(control, request)
        if found is None:
            raise _unknown()
        if found.role != "admin":
            raise HTTPException(403, "this wants an admin's token or the admin key")
        return found

    return Access(reader, actor, admin)


def _caller(control: Control, request: Request) -> Caller | None:
    """Return who bears a valid key or token; none for nobody. A wrong one is refused, never taken for nobody."""
    written = request.headers.get("authorization")
    if written is None:
        return None
    scheme, _, text = written.partition(" ")
    text = text.strip()
    if scheme.lower() == "bearer" and text.startswith(PREFIX):
        token = control.ledger.tokens.find(text)
        if token is not None:
            return Caller(token.name, token.role, token.team)
    elif scheme.lower() == "bearer" and is_admin_key(control.ledger, text):
        return Caller("admin", "admin")
    raise _unknown()


def _unknown() -> HTTPException:
    return HTTPException(
        401,
        "this wants a token as `Authorization: Bearer pt-…`; `paceline tokens create` makes one",
        {"www-authenticate": "Bearer"},
    )


def names_loopback(host: str) -> bool:
    """Tell whether a Host header names this machine, so that no web page can read through DNS."""
    try:
        return Address.read(host if ":" in host else f"{host}:80").is_loopback
    except AddressError:
        return False
