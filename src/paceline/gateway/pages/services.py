"""Addresses of the overview and of one service."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse, Response

from paceline.dashboard.pages import overview, service
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import Site, Text, Time, csv

__all__ = ["add"]


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    sources = site.sources

    @routes.get("/")
    def home(  # noqa: PLR0913, PLR0917  # each a filter of the page's address
        span: Time,
        team: Text = None,
        class_: Annotated[str | None, Query(alias="class", max_length=200)] = None,
        phase: Text = None,
        search: Text = None,
        caller: Caller = reader,
    ) -> HTMLResponse:
        chosen = {"team": team, "class": class_, "phase": phase, "search": search}
        values = overview.values(sources, sources.standards(), span, chosen)
        return site.page("overview", "Overview", "/", caller, span=span, **values)

    @routes.get("/overview.csv", dependencies=[reader])
    def overview_csv(span: Time) -> Response:
        names = ("service", "use_case", "owner", "requests", "limit_words", "measured", "times", "cost_usd", "verdict")
        found = overview.rows(sources, sources.standards(), span)
        return csv(names, ([getattr(row, name) for name in names] for row in found))

    @routes.get("/services/{name}")
    def one(name: str, span: Time, caller: Caller = reader) -> HTMLResponse:
        values = service.values(sources, sources.standards(), span, name)
        if values is None:
            raise HTTPException(404, f"neither the standards nor the ledger know a service {name}")
        return site.page("service", name, "/", caller, span=span, **values)

    @routes.get("/services/{name}/series.csv", dependencies=[reader])
    def series_csv(name: str, span: Time) -> Response:
        return csv(("at", "use_case", "metric", "p50", "p95", "values"), service.series(sources, span, name))
