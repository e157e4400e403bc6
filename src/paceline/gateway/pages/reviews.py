"""Addresses of the review: the tiles of now, and every review that was written, as a page of its own."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse

from paceline.dashboard.pages import reviews
from paceline.dashboard.spans import Range, TimeSpan
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import HEADERS, Site, Text, asked_span

__all__ = ["add"]

_REVIEW: Final = {
    **HEADERS,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
"""A review is one file that may be mailed: its style is within it."""


def _week(range: Range = "7d", since: Text = None, until: Text = None) -> TimeSpan:  # noqa: A002  # in addresses
    return asked_span(range, since, until)


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    sources = site.sources

    @routes.get("/reviews")
    def now(span: Annotated[TimeSpan, Depends(_week)], caller: Caller = reader) -> HTMLResponse:
        values = reviews.values(sources, sources.standards(), span)
        return site.page("reviews", "Review", "/reviews", caller, span=span, **values)

    @routes.get("/reviews/{number}", dependencies=[reader])
    def review(number: str) -> HTMLResponse:
        text = reviews.review_page(sources, number)
        if text is None:
            raise HTTPException(404, f"there is no review {number}")
        return HTMLResponse(text, headers=_REVIEW)
