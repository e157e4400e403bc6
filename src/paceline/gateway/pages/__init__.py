"""The dashboard's addresses: who may read and act, forms, headers. What a page says is `paceline.dashboard`'s.

One file adds the addresses of one subject; `site` is what they share.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException as WebError

from paceline.dashboard import Sources
from paceline.gateway.api.access import Caller, access
from paceline.gateway.control import Control
from paceline.gateway.pages import incidents, services, signing_in, standing, static
from paceline.gateway.pages.site import PAGES, Site
from paceline.gateway.status import status_document

__all__ = ["PAGES", "add_pages"]


def add_pages(app: FastAPI, control: Control) -> None:
    """Add the dashboard to an application."""
    sources = Sources(control.ledger, lambda: control.planner.standards, lambda: status_document(control))
    site = Site(control, sources)
    rules = access(control)
    routes = APIRouter(include_in_schema=False)
    reader = Depends(rules.reader)
    for part in (services, incidents, standing):
        part.add(routes, site, reader)
    signing_in.add(routes, site)
    static.add(routes)
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
