"""What pages load: the stylesheet."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Response

__all__ = ["add"]


def add(routes: APIRouter) -> None:
    """Add the routes; anybody may read them."""

    @routes.get("/static/paceline.css")
    def style() -> Response:
        text = files("paceline.dashboard").joinpath("static/paceline.css").read_bytes()
        headers = {"cache-control": "max-age=300", "x-content-type-options": "nosniff"}
        return Response(text, media_type="text/css", headers=headers)
