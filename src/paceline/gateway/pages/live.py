"""Addresses of one request, and of requests as they finish."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from paceline.dashboard.pages import request as single
from paceline.dashboard.pages.live import EVERY_S, Live
from paceline.gateway.api.access import Caller
from paceline.gateway.pages.site import HEADERS, Site, Text

__all__ = ["add"]

_PARTS_MAX: Final = 64
_PACKED: Final = 4
"""Level of compression: half the time of the usual 9."""


def add(routes: APIRouter, site: Site, reader: Any) -> None:
    """Add the routes."""
    _add_one(routes, site, reader)
    _add_live(routes, site, reader)


def _add_one(routes: APIRouter, site: Site, reader: Any) -> None:
    sources = site.sources

    @routes.get("/requests/{number}")
    def one(number: str, caller: Caller = reader) -> HTMLResponse:
        values = single.one(sources, number)
        if values is None:
            raise HTTPException(404, f"the ledger has no request {number}; rows are kept for a limited time")
        return site.page("request", "One request", "/live", caller, **values)


def _add_live(routes: APIRouter, site: Site, reader: Any) -> None:
    live = Live(site.sources)
    parts = _Parts()

    @routes.get("/live")
    def look(
        service: Text = None,
        kind: Literal["bad", ""] = "",
        paused: bool = False,  # a switch of the page's address
        caller: Caller = reader,
    ) -> HTMLResponse:
        values = live.values({"service": service, "kind": kind or None}, is_paused=paused)
        return site.page("live", "Live", "/live", caller, **values)

    @routes.get("/live/rows", dependencies=[reader])
    def rows(request: Request, service: Text = None, kind: Literal["bad", ""] = "") -> Response:
        """Answer with the part of the page that changes; it asks for this itself."""
        chosen = {"service": service, "kind": kind or None}

        def make() -> bytes:
            return bytes(site.fragment("live_rows", **live.values(chosen, is_paused=False)).body)

        plain, packed = parts.kept((service, kind), make)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return HTMLResponse(plain, headers=HEADERS)
        return HTMLResponse(packed, headers={**HEADERS, "content-encoding": "gzip", "vary": "accept-encoding"})


class _Parts:
    """What was answered within the last tick, as it is and packed, for all who look at the same."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, str], tuple[float, bytes, bytes]] = {}
        self._lock = threading.Lock()

    def kept(self, key: tuple[str | None, str], make: Callable[[], bytes]) -> tuple[bytes, bytes]:
        """Return the body of less than half a tick ago, else make one; one at a time."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or time.monotonic() - found[0] > EVERY_S / 2:
                if len(self._kept) >= _PARTS_MAX:
                    self._kept.clear()
                body = make()
                found = self._kept[key] = (time.monotonic(), body, gzip.compress(body, _PACKED))
            return found[1], found[2]
