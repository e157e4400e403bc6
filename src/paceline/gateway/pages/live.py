"""Addresses of one request, and of requests as they finish."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from paceline.dashboard.pages import request
from paceline.dashboard.pages.live import Live
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import Site, Text

__all__ = ["add"]


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    _add_one(routes, site, reader)
    _add_live(routes, site, reader)


def _add_one(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/requests/{number}")
    def one(number: str, caller: Caller = reader) -> HTMLResponse:
        values = request.one(sources, number)
        if values is None:
            raise HTTPException(404, f"the ledger has no request {number}; rows are kept for a limited time")
        return site.page("request", "One request", "/live", caller, **values)


def _add_live(routes: APIRouter, site: Site, reader: Any) -> None:
    live = Live(site.sources)

    @routes.get("/live")
    def look(
        service: Text = None,
        kind: Literal["bad", ""] = "",
        paused: bool = False,  # a switch of the page's address
        caller: Caller = reader,
    ) -> HTMLResponse:
        values = live.values({"service": service, "kind": kind or None}, is_paused=paused)
        return site.page("live", "Live", "/live", caller, **values)

    @routes.get("/live/rows", dependencies=[reader])
    def rows(service: Text = None, kind: Literal["bad", ""] = "") -> HTMLResponse:
        """Answer with the part of the page that changes; it asks for this itself."""
        return site.fragment("live_rows", **live.values({"service": service, "kind": kind or None}, is_paused=False))
