"""Who calls, and what they may: the admin key, tokens with roles, whom a trusted proxy names, loopback for reading.

Owns the rules of access; the routes ask for what they need. No answer tells whether a name exists to those who may not
read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from fastapi import HTTPException, Request

from paceline.gateway.address import Address, AddressError
from paceline.gateway.admin import is_admin_key
from paceline.gateway.control import Control
from paceline.ledger.tokens import PREFIX
from paceline.standards.sign_in import SignInOptions

__all__ = ["COOKIE", "REFUSED", "Access", "Caller", "access", "is_proxy", "named_by_proxy"]

COOKIE = "paceline_token"
"""Where a browser keeps its token."""
_NAME_MAX = 200
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
    teams: tuple[str, ...] = ()
    """Of an owner: those it acts for."""
    is_signed_in: bool = False
    """True for who bears a token or the admin key, or was signed in by a proxy."""
    by_proxy: bool = False
    """A reverse proxy says who it is: signing out is the proxy's affair."""

    @property
    def team(self) -> str:
        """The teams it acts for, in words."""
        return " and ".join(self.teams)

    def may_act_for(self, team: str) -> bool:
        """Tell whether it may act on what a team owns."""
        return self.role == "admin" or (self.role == "owner" and bool(team) and team in self.teams)


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

    A browser bears its token in a cookie, or comes through a proxy that names it; both count for pages only: programs
    say who they are.
    """
    written = request.headers.get("authorization")
    if written is None:
        if request.url.path.startswith("/api"):
            return None
        cookie = request.cookies.get(COOKIE, "")
        return (_known(control, cookie) if cookie else None) or named_by_proxy(control, request)
    scheme, _, text = written.partition(" ")
    found = _known(control, text.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise _unknown()
    return found


def named_by_proxy(control: Control, request: Request) -> Caller | None:
    """Return whom a trusted proxy says it signed in; none where nobody is believed, or who has no role."""
    standards = control.planner.standards
    rules = None if standards is None else standards.options.sign_in
    if rules is None or not is_proxy(rules, request):
        return None
    name = request.headers.get(rules.user_header, "").strip()[:_NAME_MAX]
    if not name:
        return None
    groups = {group.strip() for group in re.split(r"[,|]", request.headers.get(rules.groups_header, ""))} - {""}
    teams = tuple(sorted({team for group, team in rules.owners.items() if group in groups}))
    if groups.intersection(rules.admins):
        return Caller(name, "admin", is_signed_in=True, by_proxy=True)
    if teams:
        return Caller(name, "owner", teams, is_signed_in=True, by_proxy=True)
    if rules.viewers and not groups.intersection(rules.viewers):
        return None
    return Caller(name, "viewer", is_signed_in=True, by_proxy=True)


def is_proxy(rules: SignInOptions, request: Request) -> bool:
    """Tell whether a request comes from an address whose headers are believed."""
    try:
        address = ip_address(request.client.host if request.client is not None else "")
    except ValueError:  # a Unix socket, or no address at all
        return False
    return any(address in ip_network(network) for network in rules.proxies)


def _known(control: Control, text: str) -> Caller | None:
    if text.startswith(PREFIX):
        token = control.ledger.tokens.find(text)
        teams = (token.team,) if token is not None and token.team else ()
        return None if token is None else Caller(token.name, token.role, teams, is_signed_in=True)
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
