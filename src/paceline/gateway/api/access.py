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

__all__ = ["COOKIE", "REFUSED", "Access", "Caller", "access"]

COOKIE = "paceline_token"
"""Where a browser keeps its token."""
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
    is_signed_in: bool = False
    """True for who bears a token or the admin key."""

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
    holds: Callable[[str], bool]
    """Tells whether a text is a token or the admin key."""


def access(control: Control) -> Access:
    """Return the rules over one control process."""

    def reader(request: Request) -> Caller:
        found = _caller(control, request)
        if found is None and (control.needs_key or not _names_loopback(request.headers.get("host", ""))):
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

    def holds(text: str) -> bool:
        return _known(control, text) is not None

    return Access(reader, actor, admin, holds)


def _caller(control: Control, request: Request) -> Caller | None:
    """Return who bears a valid key or token; none for nobody. A wrong one is refused, never taken for nobody.

    A browser bears its token in a cookie, which counts for pages only: programs say who they are.
    """
    written = request.headers.get("authorization")
    if written is None:
        cookie = request.cookies.get(COOKIE, "")
        return _known(control, cookie) if cookie and not request.url.path.startswith("/api") else None
    scheme, _, text = written.partition(" ")
    found = _known(control, text.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise _unknown()
    return found


def _known(control: Control, text: str) -> Caller | None:
    if text.startswith(PREFIX):
        token = control.ledger.tokens.find(text)
        return None if token is None else Caller(token.name, token.role, token.team, is_signed_in=True)
    return Caller("admin", "admin", is_signed_in=True) if is_admin_key(control.ledger, text) else None


def _unknown() -> HTTPException:
    return HTTPException(
        401,
        "this wants a token or the admin key as `Authorization: Bearer …`; `paceline tokens create` makes a token",
        {"www-authenticate": "Bearer"},
    )


def _names_loopback(host: str) -> bool:
    """Tell whether a Host header names this machine, so that no web page can read through DNS."""
    try:
        return Address.read(host if ":" in host else f"{host}:80").is_loopback
    except AddressError:
        return False
