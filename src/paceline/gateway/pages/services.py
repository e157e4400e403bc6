"""Addresses of the overview, of each service, and of the rows behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from paceline.dashboard.pages import overview, requests, service
from paceline.dashboard.spans import TimeSpan
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import Site, Text, Time, csv

__all__ = ["add"]


def _overview_filters(
    team: Text = None,
    class_: Annotated[str | None, Query(alias="class", max_length=200)] = None,
    phase: Text = None,
    state: Text = None,
    search: Text = None,
) -> dict[str, str | None]:
    return {"team": team, "class": class_, "phase": phase, "state": state, "search": search}


def _requests_filters(request: Request) -> dict[str, str | None]:
    return {name: (request.query_params.get(name) or "")[:200] or None for name in (*requests.FILTERS, "over")}


OverviewFilters = Annotated[dict[str, str | None], Depends(_overview_filters)]
RequestsFilters = Annotated[dict[str, str | None], Depends(_requests_filters)]
Before = Annotated[str, Query(max_length=32, pattern="^[0-9a-f]*$")]


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    _add_overview(routes, site, reader)
    _add_service(routes, site, reader)
    _add_requests(routes, site, reader)


def _add_overview(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/")
    def home(span: Time, chosen: OverviewFilters, caller: Caller = reader) -> HTMLResponse:
        values = overview.values(sources, sources.standards(), span, chosen)
        return site.page("overview", "Overview", "/", caller, span=span, **values)

    @routes.get("/overview.csv", dependencies=[reader])
    def overview_csv(span: Time, chosen: OverviewFilters) -> Response:
        found = overview.chosen_of(overview.rows(sources, sources.standards(), span), chosen)
        return csv(overview.CSV_NAMES, map(overview.csv_row, found))


def _add_service(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/services/{name}")
    def one(name: str, span: Time, use_case: Text = None, caller: Caller = reader) -> HTMLResponse:
        values = service.values(sources, sources.standards(), span, name, use_case or "")
        if values is None:
            raise HTTPException(404, f"neither the standards nor the ledger know a service {name}")
        return site.page("service", name, "/", caller, span=span, **values)

    def table(path: str, names: Sequence[str], rows: Callable[[TimeSpan, str], Iterable[Sequence[Any]]]) -> None:
        @routes.get(f"/services/{{name}}/{path}.csv", dependencies=[reader])
        def answer(name: str, span: Time) -> Response:
            return csv(names, rows(span, name))

    for path, names, rows in service.TABLES:
        table(path, names, lambda span, name, rows=rows: rows(sources, span, name))  # type: ignore[misc]


def _add_requests(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    def found(make: Callable[..., Any], span: TimeSpan, chosen: Mapping[str, str | None], before: str) -> Any:
        try:
            return make(sources, span, chosen, before)
        except requests.RequestsFilterError as error:
            raise HTTPException(422, str(error)) from error

    @routes.get("/requests")
    def listed(span: Time, chosen: RequestsFilters, before: Before = "", caller: Caller = reader) -> HTMLResponse:
        values = found(requests.values, span, chosen, before)
        return site.page("requests", "Requests", "/requests", caller, span=span, **values)

    @routes.get("/requests.csv", dependencies=[reader])
    def listed_csv(span: Time, chosen: RequestsFilters, before: Before = "") -> Response:
        return csv(requests.COLUMNS, list(found(requests.csv_rows, span, chosen, before)))
