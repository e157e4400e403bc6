"""The dashboard's addresses: who may read and act, forms, headers. What a page says is `paceline.dashboard`'s.

Every page works without a script, and none is sent: the content policy forbids them. A form is taken only from a page
of this site; a browser's token is in a cookie that no script reads and no other site sends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as WebError

from paceline.dashboard import Sources
from paceline.dashboard.pages import incidents, overview, service, standing
from paceline.dashboard.spans import Range, span_of
from paceline.dashboard.view import render
from paceline.exports.csv_lines import csv_lines
from paceline.gateway.address import Address, AddressError
from paceline.gateway.api.access import COOKIE, Caller, access
from paceline.gateway.api.acting import told
from paceline.gateway.control import Control
from paceline.gateway.status import status_document
from paceline.governance.incidents import acting
from paceline.governance.incidents.states import ENDS, IncidentState, Reason

__all__ = ["add_pages"]

PAGES: Final = (
    ("/", "Overview"),
    ("/incidents", "Incidents"),
    ("/spend", "Spend"),
    ("/classes", "Budgets"),
    ("/waivers", "Waivers"),
    ("/reviews", "Reviews"),
    ("/gateway", "Gateway"),
)
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_REVIEW: Final = {
    **HEADERS,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
"""A review is one file that may be mailed: its style is within it."""
_FORM_MAX: Final = 64 << 10

Text = Annotated[str | None, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class _Site:
    """What all pages share."""

    control: Control
    sources: Sources

    def page(
        self, template: str, title: str, current: str, caller: Caller, code: int = 200, **values: Any
    ) -> HTMLResponse:
        """Render a page."""
        standards = self.control.planner.standards
        faults = self.control.planner.state.faults
        notices = ["The standards as they stand are not in force: see the page Gateway."] if faults else []
        text = render(
            template,
            title=title,
            current=current,
            caller=caller,
            pages=PAGES,
            notices=notices,
            organisation=standards.options.organisation if standards is not None else "",
            gateway_url=_gateway_url(self.control),
            words_of=incidents.words_of,
            **values,
        )
        return HTMLResponse(text, code, HEADERS)


def add_pages(app: FastAPI, control: Control) -> None:
    """Add the dashboard to an application."""
    sources = Sources(control.ledger, lambda: control.planner.standards, lambda: status_document(control))
    site = _Site(control, sources)
    rules = access(control)
    routes = APIRouter(include_in_schema=False)
    reader = Depends(rules.reader)
    _add_services(routes, site, reader)
    _add_incidents(routes, site, reader)
    _add_standing(routes, site, reader)
    _add_signing_in(routes, site)
    app.include_router(routes)

    @app.exception_handler(WebError)
    async def told(request: Request, error: WebError) -> Response:
        """Say what is wrong as a page to browsers, as JSON to programs."""
        is_page = not request.url.path.startswith("/api") and "text/html" in request.headers.get("accept", "")
        if not is_page:
            from fastapi.exception_handlers import http_exception_handler

            return await http_exception_handler(request, error)
        if error.status_code == 401:
            return RedirectResponse(f"/sign-in?to={request.url.path}", 303)
        titles = {403: "Not allowed", 404: "There is no such page", 409: "That cannot be done"}
        values = {"text": str(error.detail), "back": "/"}
        nobody = Caller("nobody", "viewer")
        title = titles.get(error.status_code, "Something is wrong")
        return site.page("message", title, "", nobody, error.status_code, **values)


def _add_services(routes: APIRouter, site: _Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/")
    def home(  # noqa: PLR0913, PLR0917  # each a filter of the page's address
        range: Range = "24h",  # noqa: A002  # its name in the address
        team: Text = None,
        class_: Annotated[str | None, Query(alias="class", max_length=200)] = None,
        phase: Text = None,
        search: Text = None,
        caller: Caller = reader,
    ) -> HTMLResponse:
        span = span_of(range, sources.clock())
        chosen = {"team": team, "class": class_, "phase": phase, "search": search}
        values = overview.values(sources, sources.standards(), span, chosen)
        return site.page("overview", "Overview", "/", caller, span=span, **values)

    @routes.get("/overview.csv", dependencies=[reader])
    def overview_csv(range: Range = "24h") -> Response:  # noqa: A002
        span = span_of(range, sources.clock())
        names = ("service", "use_case", "owner", "requests", "limit_words", "measured", "times", "cost_usd", "verdict")
        found = overview.rows(sources, sources.standards(), span)
        return _csv(names, ([getattr(row, name) for name in names] for row in found))

    @routes.get("/services/{name}")
    def one(name: str, range: Range = "24h", caller: Caller = reader) -> HTMLResponse:  # noqa: A002
        span = span_of(range, sources.clock())
        values = service.values(sources, sources.standards(), span, name)
        if values is None:
            raise HTTPException(404, f"neither the standards nor the ledger know a service {name}")
        return site.page("service", name, "/", caller, span=span, **values)

    @routes.get("/services/{name}/series.csv", dependencies=[reader])
    def series_csv(name: str, range: Range = "24h") -> Response:  # noqa: A002
        span = span_of(range, sources.clock())
        return _csv(("at", "use_case", "metric", "p50", "p95", "values"), service.series(sources, span, name))


def _add_incidents(routes: APIRouter, site: _Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/incidents")
    def listed(state: str = "open", team: Text = None, caller: Caller = reader) -> HTMLResponse:
        wanted = state if state in {"open", "ended", "all"} else "open"
        return site.page("incidents", "Incidents", "/incidents", caller, **incidents.listed(sources, wanted, team))

    @routes.get("/incidents/{number}")
    def one(number: str, caller: Caller = reader) -> HTMLResponse:
        values = incidents.one(sources, number)
        if values is None:
            raise HTTPException(404, f"there is no incident {number}")
        may_act = caller.may_act_for(values["incident"].owner)
        return site.page("incident", f"Incident {number}", "/incidents", caller, may_act=may_act, **values)

    @routes.post("/incidents/{number}/state")
    async def state(number: str, request: Request) -> Response:
        form = await _form(request)
        return await run_in_threadpool(_moved, site, request, number, form)

    @routes.post("/incidents/{number}/notes")
    async def note(number: str, request: Request) -> Response:
        form = await _form(request)
        return await run_in_threadpool(_noted, site, request, number, form)


def _moved(site: _Site, request: Request, number: str, form: Mapping[str, str]) -> Response:
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


def _noted(site: _Site, request: Request, number: str, form: Mapping[str, str]) -> Response:
    caller = _acting(site, request, number)
    text = form.get("text", "").strip()
    if not text:
        raise HTTPException(409, "the note is empty")
    with told():
        acting.note(site.control.ledger, number, caller.name, text[:4000])
    return RedirectResponse(f"/incidents/{number}", 303)


def _acting(site: _Site, request: Request, number: str) -> Caller:
    caller = access(site.control).actor(request)
    found = site.control.ledger.incidents.get(number)
    if found is None:
        raise HTTPException(404, f"there is no incident {number}")
    if not caller.may_act_for(found[0].owner):
        raise HTTPException(403, f"it belongs to {found[0].owner or 'nobody'}; the token is of team {caller.team}")
    return caller


def _add_standing(routes: APIRouter, site: _Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/classes")
    def classes(caller: Caller = reader) -> HTMLResponse:
        return site.page("classes", "Budgets", "/classes", caller, **standing.classes(sources.standards()))

    @routes.get("/waivers")
    def waivers(caller: Caller = reader) -> HTMLResponse:
        return site.page("waivers", "Waivers", "/waivers", caller, **standing.waivers(sources, sources.standards()))

    @routes.get("/spend")
    def spend(caller: Caller = reader) -> HTMLResponse:
        return site.page("spend", "Spend", "/spend", caller, **standing.spend(sources, sources.standards()))

    @routes.get("/spend.csv", dependencies=[reader])
    def spend_csv() -> Response:
        found = standing.spend(sources, sources.standards())
        rows = ([one.service, found["owners"].get(one.service, ""), one.spent, one.budget] for one in found["months"])
        return _csv(("service", "owner", "spent_usd", "budget_usd"), rows)

    @routes.get("/gateway")
    def gateway(caller: Caller = reader) -> HTMLResponse:
        return site.page("gateway", "Gateway", "/gateway", caller, **standing.gateway(sources))

    @routes.get("/reviews")
    def reviews(caller: Caller = reader) -> HTMLResponse:
        return site.page("reviews", "Reviews", "/reviews", caller, **standing.reviews(sources))

    @routes.get("/reviews/{number}", dependencies=[reader])
    def review(number: str) -> HTMLResponse:
        text = standing.review_page(sources, number)
        if text is None:
            raise HTTPException(404, f"there is no review {number}")
        return HTMLResponse(text, headers=_REVIEW)

    @routes.get("/static/paceline.css")
    def style() -> Response:
        text = files("paceline.dashboard").joinpath("static/paceline.css").read_bytes()
        headers = {"cache-control": "max-age=300", "x-content-type-options": "nosniff"}
        return Response(text, media_type="text/css", headers=headers)


def _add_signing_in(routes: APIRouter, site: _Site) -> None:
    @routes.get("/sign-in")
    def ask(to: str = "/") -> HTMLResponse:
        return site.page("sign_in", "Sign in", "", Caller("nobody", "viewer"), to=_own(to), wrong=False)

    @routes.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await _form(request)
        token = form.get("token", "").strip()
        if not await run_in_threadpool(access(site.control).holds, token):
            nobody = Caller("nobody", "viewer")
            return site.page("sign_in", "Sign in", "", nobody, 403, to=_own(form.get("to", "/")), wrong=True)
        answer = RedirectResponse(_own(form.get("to", "/")), 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    @routes.get("/sign-out")
    def sign_out() -> Response:
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer


def _gateway_url(control: Control) -> str:
    """Return where `paceline up` has the gateway listen; its usual address where the two were started apart."""
    try:
        listen = json.loads(control.data.supervisor_state.read_text())["gateway"]
        return control.data.gateway_url(Address.read(listen))
    except (OSError, ValueError, KeyError, AddressError):
        return "http://127.0.0.1:4100"


def _own(address: str) -> str:
    """Return an address of this site; the overview for any other."""
    parts = urlsplit(address)
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return address if is_own else "/"


async def _form(request: Request) -> dict[str, str]:
    """Read a form of this site's own pages. Raises a 403 for one of another's."""
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if site not in (None, "same-origin", "none") or (site is None and origin not in ("", request.headers.get("host"))):
        raise HTTPException(403, "this form came from another site")
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise HTTPException(409, "this is no form")
    body = await request.body()
    if len(body) > _FORM_MAX:
        raise HTTPException(409, "the form is too large")
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    return Response("".join(csv_lines(names, rows)), media_type="text/csv; charset=utf-8", headers=HEADERS)
