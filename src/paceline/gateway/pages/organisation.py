"""Addresses of what the organisation agreed on and what it costs: classes, standards, spend, the gateway."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

from paceline.dashboard.pages import classes, gateway, spend, standards
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import Site, Text, Time, csv

__all__ = ["add"]

_SPENT: Final = (
    *("name", "owner", "spent", "budget", "expected", "lower", "upper", "days_to_budget", "requests_ok", "per_ok"),
    "coverage",
)


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    _add_standards(routes, site, reader)
    _add_spend(routes, site, reader)
    _add_gateway(routes, site, reader)


def _add_standards(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/classes")
    def published(caller: Caller = reader) -> HTMLResponse:
        return site.page("classes", "Budgets", "/classes", caller, **classes.values(sources.standards()))

    @routes.get("/classes.csv", dependencies=[reader])
    def published_csv() -> Response:
        names = ("kind", "name", "limit", "value", "source", "proposed_by")
        return csv(names, classes.limit_rows(sources.standards()))

    @routes.get("/standards")
    def in_force(caller: Caller = reader) -> HTMLResponse:
        values = standards.values(sources, sources.standards())
        return site.page("standards", "Standards", "/standards", caller, **values)

    @routes.get("/standards/{hash8}")
    def step(hash8: str, caller: Caller = reader) -> HTMLResponse:
        values = standards.one_step(sources, hash8)
        if values is None:
            raise HTTPException(404, f"no plan {hash8} is known; plans go when no request needs them any more")
        return site.page("standards_step", "A change of the standards", "/standards", caller, **values)


def _add_spend(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/spend")
    def month(by: spend.By = "service", month: Text = None, team: Text = None, caller: Caller = reader) -> HTMLResponse:
        first = _month(month)
        values = spend.values(sources, sources.standards(), by, first, team)
        return site.page("spend", "Spend", "/spend", caller, **values)

    @routes.get("/spend.csv", dependencies=[reader])
    def month_csv(by: spend.By = "service", month: Text = None, team: Text = None) -> Response:
        known = sources.standards()
        found = [] if known is None else spend.rows(sources, known, by, _month(month), team)
        return csv(_SPENT, ([getattr(row, name) for name in _SPENT] for row in found))

    @routes.get("/spend/days.csv", dependencies=[reader])
    def days_csv(by: spend.By = "service", month: Text = None) -> Response:
        first = _month(month)
        found = spend.days(sources, by, first)
        rows = (
            (first.replace(day=day).isoformat(), name, usd)
            for name, each in sorted(found.items())
            for day, usd in sorted(each.items())
        )
        return csv(("day", "deployment" if by == "model" else by, "usd"), rows)

    def _month(text: str | None) -> date:
        try:
            return spend.month_named(text, datetime.fromtimestamp(sources.clock(), UTC).date())
        except ValueError as error:
            raise HTTPException(422, "`month` is no month: write 2026-11") from error


def _add_gateway(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/gateway")
    def state(span: Time, caller: Caller = reader) -> HTMLResponse:
        return site.page("gateway", "Gateway", "/gateway", caller, span=span, **gateway.values(sources, span))

    @routes.get("/gateway/overhead.csv", dependencies=[reader])
    def overhead_csv(span: Time) -> Response:
        return csv(("at", "us_p50", "us_p95", "us_p99", "requests"), gateway.course(sources, span))
