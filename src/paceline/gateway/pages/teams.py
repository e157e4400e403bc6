"""Addresses of teams: all of them, and one."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

from paceline.dashboard.pages import overview, teams
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import Site, Time, csv

__all__ = ["add"]

_COLUMNS: Final = (
    *("name", "phase", "services", "over", "judged", "requests", "spent", "budget", "coverage", "incidents"),
    *("pages", "waivers"),
)


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    sources = site.sources

    @routes.get("/teams")
    def listed(span: Time, caller: Caller = reader) -> HTMLResponse:
        standards = sources.standards()
        found = [] if standards is None else teams.rows(sources, standards, span)
        made_at = overview.attained(sources, span).at
        return site.page("teams", "Teams", "/teams", caller, span=span, rows=found, made_at=made_at)

    @routes.get("/teams.csv", dependencies=[reader])
    def listed_csv(span: Time) -> Response:
        standards = sources.standards()
        found = [] if standards is None else teams.rows(sources, standards, span)
        return csv(_COLUMNS, ([getattr(row, name) for name in _COLUMNS] for row in found))

    @routes.get("/teams/{name}")
    def one(name: str, span: Time, caller: Caller = reader) -> HTMLResponse:
        values = teams.one(sources, sources.standards(), span, name)
        if values is None:
            raise HTTPException(404, f"the standards know no team {name}")
        return site.page("team", f"Team {name}", "/teams", caller, span=span, **values)
