"""The API of governance, `/api/v1`: incidents, waivers, events, reviews, tokens. Thin: everything is done elsewhere.

Reading is free on loopback, to callers that name a loopback host; what changes something wants a token, and so does
everything when others can connect. A token's role decides: viewers read, owners act for their team, admins do all.
"""

from fastapi import FastAPI

from paceline.gateway.api.acting import router as acting
from paceline.gateway.api.linting import router as linting
from paceline.gateway.api.reading import router as reading
from paceline.gateway.api.receiving import router as receiving
from paceline.gateway.api.standing import router as standing
from paceline.gateway.api.tokens import router as tokens
from paceline.gateway.control import Control

__all__ = ["add_api"]


def add_api(app: FastAPI, control: Control) -> None:
    """Add the routes of `/api/v1` to an application."""
    for part in (reading, acting, standing, receiving, linting, tokens):
        app.include_router(part(control))
