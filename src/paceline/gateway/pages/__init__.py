"""The dashboard's addresses: who may read and act, forms, headers. What a page says is `paceline.dashboard`'s.

One file a group of pages; `site` is what they share. Every page works without a script; those that are sent are files
of this site, and the content policy allows no other.
"""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as WebError
from starlette.middleware.gzip import GZipMiddleware

from paceline.dashboard import NotYetError
from paceline.gateway.api.access import Caller, access
from paceline.gateway.control import Control
from paceline.gateway.pages import (
    incidents,
    live,
    models,
    organisation,
    reviews,
    services,
    signing_in,
    static,
    teams,
    waivers,
)
from paceline.gateway.pages.site import NOBODY, PAGES, Site
from paceline.ledger import LedgerError

__all__ = ["PAGES", "add_pages"]

_GZIP_FROM_BYTES = 1_000
_GZIP_LEVEL = 4
"""Half the time of the usual 9 for pages 5 % larger."""
_TITLES = {
    403: "Not allowed",
    404: "There is no such page",
    409: "That cannot be done",
    422: "The address is not understood",
    503: "The ledger cannot be read now",
}


def add_pages(app: FastAPI, control: Control) -> None:
    """Add the dashboard to an application."""
    site = Site(control, control.sources)
    routes = APIRouter(include_in_schema=False)
    reader = Depends(access(control).reader)
    for part in (services, live, models, incidents, waivers, reviews, teams, organisation):
        part.add(routes, site, reader)
    signing_in.add(routes, site)
    static.add(routes)
    app.include_router(routes)
    app.add_middleware(GZipMiddleware, minimum_size=_GZIP_FROM_BYTES, compresslevel=_GZIP_LEVEL)

    _add_failures(app, site)


def _add_failures(app: FastAPI, site: Site) -> None:
    """Say what is wrong as a page to browsers, as JSON to programs."""
    reader = access(site.control).reader

    def who(request: Request) -> Caller:
        try:
            return reader(request)
        except (WebError, LedgerError):
            return NOBODY

    def page(request: Request, error: WebError) -> Response:
        title = _TITLES.get(error.status_code, "Something is wrong")
        return site.page("message", title, "", who(request), error.status_code, text=str(error.detail), back="/")

    @app.exception_handler(WebError)
    async def told(request: Request, error: WebError) -> Response:
        if not _wants_page(request):
            return await http_exception_handler(request, error)
        if error.status_code == 401:
            return RedirectResponse(f"/sign-in?to={quote(_asked(request))}", 303)
        return page(request, error)

    @app.exception_handler(RequestValidationError)
    async def unread(request: Request, error: RequestValidationError) -> Response:
        if not _wants_page(request):
            return await request_validation_exception_handler(request, error)
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
        return page(request, WebError(422, wrong))

    @app.exception_handler(LedgerError)
    async def unreachable(request: Request, error: LedgerError) -> Response:
        told = WebError(503, f"{error}. The gateway goes on without it; `paceline doctor` looks further.")
        return page(request, told) if _wants_page(request) else JSONResponse({"detail": str(error)}, 503)

    @app.exception_handler(NotYetError)
    async def waiting(request: Request, _: NotYetError) -> Response:
        headers = {"retry-after": "2"}
        if not _wants_page(request):
            return JSONResponse({"detail": "the figures are being added up: ask again"}, 503, headers)
        answer = site.page("waiting", "One moment", "", NOBODY, 202)
        answer.headers["refresh"] = "2"
        return answer


def _asked(request: Request) -> str:
    """Return the page that was asked for, with its time and filters; of a form the page that it stands on."""
    path, query = request.url.path, request.url.query
    if request.method != "GET":
        return "/".join(path.split("/")[:3])  # of /incidents/ID/notes what is before the act
    return f"{path}?{query}" if query else path


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/api") and "text/html" in request.headers.get("accept", "")
