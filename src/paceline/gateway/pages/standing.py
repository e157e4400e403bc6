"""Addresses of what stands: classes, waivers, spend, the gateway, reviews."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

from paceline.dashboard.pages import standing
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import HEADERS, Site, csv

__all__ = ["add"]

_REVIEW: Final = {
    **HEADERS,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
"""A review is one file that may be mailed: its style is within it."""


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
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
        return csv(("service", "owner", "spent_usd", "budget_usd"), rows)

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
