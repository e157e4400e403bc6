"""Addresses of waivers: the list, one, asking for one, and the forms that decide. Roles are those of the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from paceline.dashboard.pages import waivers
from paceline.gateway.api.access import Caller, access
from paceline.gateway.api.reading import sound_standards
from paceline.gateway.pages.site import Site, Text, csv, form_of
from paceline.governance.incidents import acting
from paceline.governance.waivers import deciding

__all__ = ["add"]

_COLUMNS: Final = ("id", "state", "scope", "owner", "reason", "requester", "approver", "starts", "ends", "days_left")
_ASKED: Final = ("service", "use_case", "limit", "rule", "model", "reason")


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    _add_reading(routes, site, reader)

    @routes.post("/waivers")
    async def asked(request: Request) -> Response:
        """Ask for one, then show it."""
        form = await form_of(request)
        return await run_in_threadpool(_asked, site, request, form)

    @routes.post("/waivers/{number}/{act}")
    async def decide(number: str, act: str, request: Request) -> Response:
        """Decide on one, then show it."""
        form = await form_of(request)
        return await run_in_threadpool(_decided, site, request, (number, act), form)


def _add_reading(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/waivers")
    def listed(caller: Caller = reader) -> HTMLResponse:
        return site.page("waivers", "Waivers", "/waivers", caller, **waivers.values(sources, sources.standards()))

    @routes.get("/waivers.csv", dependencies=[reader])
    def listed_csv() -> Response:
        standards = sources.standards()
        found = [] if standards is None else waivers.rows(sources, standards)
        return csv(_COLUMNS, (_line(each) for each in found))

    @routes.get("/waivers/request")
    def ask(  # noqa: PLR0913, PLR0917  # each fills a field in
        incident: Text = None,
        service: Text = None,
        use_case: Text = None,
        limit: Text = None,
        model: Text = None,
        caller: Caller = reader,
    ) -> HTMLResponse:
        given = {"service": service, "use_case": use_case, "limit": limit, "model": model}
        return _form_page(site, caller, incident, {name: value or "" for name, value in given.items()})

    @routes.get("/waivers/{number}")
    def one(number: str, caller: Caller = reader) -> HTMLResponse:
        values = waivers.one(sources, sources.standards(), number)
        if values is None:
            raise HTTPException(404, f"there is no waiver {number}")
        may = {
            "may_decide": caller.role == "admin"
            and caller.name.casefold() != values["shown"].waiver.requester.casefold(),
            "may_revoke": caller.may_act_for(values["shown"].owner),
        }
        return site.page("waiver", f"Waiver {number}", "/waivers", caller, **may, **values)


def _asked(site: Site, request: Request, form: Mapping[str, str]) -> Response:
    caller = access(site.control).actor(request)
    standards = sound_standards(site.control)
    given = {name: form.get(name, "").strip() for name in _ASKED}
    try:
        _check_team(site, caller, given["service"])
        days = _days(form.get("days", ""))
        wanted = deciding.Request(requester=caller.name, days=days, **given)
        number, _ = deciding.request(site.control.ledger, standards, wanted)
    except deciding.WaiverError as error:
        chosen = {**given, "days": form.get("days", "")}
        return _form_page(site, caller, form.get("incident"), chosen, f"{error}: {error.fix}")
    incident = form.get("incident", "")
    if incident and site.control.ledger.incidents.get(incident) is not None:
        text = f"asked for a waiver of {given['limit'] or 'every limit'}: {number}"
        acting.note(site.control.ledger, incident, caller.name, text)
    return RedirectResponse(f"/waivers/{number}", 303)


def _form_page(
    site: Site, caller: Caller, incident: str | None, chosen: dict[str, str], wrong: str = ""
) -> HTMLResponse:
    known = site.control.ledger.incidents.get(incident) if incident else None
    values = waivers.asked_for(site.sources.standards(), None if known is None else known[0], chosen)
    code = 409 if wrong else 200
    return site.page("waiver_request", "Ask for a waiver", "/waivers", caller, code, wrong=wrong, **values)


def _decided(site: Site, request: Request, what: tuple[str, str], form: Mapping[str, str]) -> Response:
    number, act = what
    ledger, reason = site.control.ledger, form.get("reason", "").strip()
    known = ledger.waivers.get(number)
    if known is None:
        raise HTTPException(404, f"the ledger has no waiver {number}")
    rules = access(site.control)
    with _told():
        if act == "approve":
            deciding.approve(ledger, sound_standards(site.control), number, rules.admin(request).name)
        elif act == "deny":
            deciding.deny(ledger, number, rules.admin(request).name, reason)
        elif act == "revoke":
            caller = rules.actor(request)
            _check_team(site, caller, known.service)
            deciding.revoke(ledger, number, caller.name, reason)
        else:
            raise HTTPException(404, f"a waiver is approved, denied or revoked, not {act!r}")
    return RedirectResponse(f"/waivers/{number}", 303)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except deciding.WaiverError as error:
        raise HTTPException(409, f"{error}: {error.fix}") from error


def _check_team(site: Site, caller: Caller, service: str) -> None:
    known = sound_standards(site.control).options.services.get(service)
    if known is None:
        raise deciding.WaiverError("it names no service", "choose one")
    if not caller.may_act_for(known.owner or ""):
        raise HTTPException(403, f"{service} belongs to {known.owner or 'nobody'}; {caller.name} acts for another team")


def _days(text: str) -> int:
    if not text.strip().isdecimal() or len(text) > 9:
        raise deciding.WaiverError(f"{text[:20]!r} is no number of days", "write a whole number")
    return int(text)


def _line(one: waivers.Shown) -> tuple[Any, ...]:
    waiver = one.waiver
    times = (each.isoformat() if each is not None else None for each in (waiver.starts, waiver.ends))
    who = (waiver.reason, waiver.requester, waiver.approver)
    return (waiver.id, one.group, waiver.scope, one.owner, *who, *times, one.days_left)
