"""Addresses of models and their deployments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse

from paceline.dashboard.pages import models
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import Site, Time, csv

__all__ = ["add"]

_COLUMNS: Final = (
    *("model", "deployment", "is_standard", "requests", "share_of_model", "failed", "cost_usd", "cost_coverage"),
    *("usd_per_million_input", "usd_per_million_output", "health", "in_flight", "waiting"),
)


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    sources = site.sources

    @routes.get("/models")
    def listed(span: Time, caller: Caller = reader) -> HTMLResponse:
        found = models.rows(sources, sources.standards(), span)
        return site.page("models", "Models", "/models", caller, span=span, rows=found)

    @routes.get("/models.csv", dependencies=[reader])
    def listed_csv(span: Time) -> Response:
        return csv(_COLUMNS, _lines(models.rows(sources, sources.standards(), span)))

    @routes.get("/models/first-token.csv", dependencies=[reader])
    def first_token_csv(model: str, span: Time) -> Response:
        names = ("deployment", "at", "requests", "ttft_ms_p50", "ttft_ms_p95")
        return csv(names, models.course_rows(sources, span, model))

    @routes.get("/models/{name:path}")
    def one(name: str, span: Time, caller: Caller = reader) -> HTMLResponse:
        values = models.one(sources, sources.standards(), span, name)
        if values is None:
            raise HTTPException(404, f"neither the standards nor the traffic of {span.words} know a model {name}")
        return site.page("model", f"Model {name}", "/models", caller, span=span, **values)


def _lines(found: list[models.ModelRow]) -> Iterator[list[Any]]:
    for model in found:
        for each in model.deployments:
            price, health = each.price, each.health
            yield [
                *(model.name, each.name, each.is_standard, each.requests, each.share, each.failed),
                *(each.cost, each.coverage),
                *((price.input, price.output) if price is not None else (None, None)),
                *((health.words, health.in_flight, health.waiting) if health is not None else (None, None, None)),
            ]
