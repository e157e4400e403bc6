"""Addresses of style and scripts. Their names carry a version, so a browser asks once."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from paceline.dashboard.assets import assets

__all__ = ["add"]

_HEADERS: Final = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    "vary": "accept-encoding",
}


def add(routes: APIRouter) -> None:
    """Add the routes; anybody may read them."""

    @routes.get("/static/{name}")
    def asset(name: str, request: Request) -> Response:
        found = assets().get(name)
        if found is None:
            raise HTTPException(404, f"there is no file {name}")
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.compressed, media_type=found.kind, headers={**_HEADERS, "content-encoding": "gzip"})
        return Response(found.body, media_type=found.kind, headers=_HEADERS)
