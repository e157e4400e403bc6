"""What all addresses of pages share: the navigation, the frame around a page, headers, forms, CSV. Owns no address.

A form is taken only from a page of this site.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from paceline.dashboard import Sources
from paceline.dashboard.pages import incidents
from paceline.dashboard.spans import Range, SpanError, TimeSpan, span_between, span_of
from paceline.dashboard.view import ago, render
from paceline.exports.csv_lines import csv_lines
from paceline.gateway.address import Address, AddressError
from paceline.gateway.api.access import Caller
from paceline.gateway.control import Control

__all__ = ["HEADERS", "NAVIGATION", "NOBODY", "PAGES", "Site", "Text", "Time", "asked_span", "csv", "form_of"]

NAVIGATION: Final = (
    ("Services", (("/", "Overview"), ("/live", "Live"), ("/models", "Models"))),
    ("Exceptions", (("/incidents", "Incidents"), ("/waivers", "Waivers"), ("/reviews", "Review"))),
    (
        "Organisation",
        (
            *(("/teams", "Teams"), ("/classes", "Budgets"), ("/standards", "Standards")),
            *(("/spend", "Spend"), ("/gateway", "Gateway")),
        ),
    ),
)
"""Groups of the navigation, each with its pages: address and name."""
PAGES: Final = tuple(page for _, pages in NAVIGATION for page in pages)
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_BEHIND_S: Final = 30.0
_FORM_MAX: Final = 64 << 10
NOBODY: Final = Caller("nobody", "viewer")

Text = Annotated[str | None, Query(max_length=200)]


def asked_span(range: Range = "24h", since: Text = None, until: Text = None) -> TimeSpan:  # noqa: A002  # in addresses
    """Return the time an address asks for, the last 24 hours if it says nothing."""
    try:
        return span_between(since, until, time.time()) if since else span_of(range, time.time())
    except SpanError as error:
        raise HTTPException(422, str(error)) from error


Time = Annotated[TimeSpan, Depends(asked_span)]
"""The time an address asks for; a page that shows time takes it as `span: Time`."""


@dataclass(frozen=True, slots=True)
class Site:
    """What every page is made with."""

    control: Control
    sources: Sources

    def page(
        self, template: str, title: str, current: str, caller: Caller, code: int = 200, **values: Any
    ) -> HTMLResponse:
        """Render a page; `current` is the address of its entry in the navigation."""
        standards = self.control.planner.standards
        text = render(
            template,
            title=title,
            current=current,
            caller=caller,
            navigation=NAVIGATION,
            notices=_notices(self.control),
            organisation=standards.options.organisation if standards is not None else "",
            gateway_url=_gateway_url(self.control),
            words_of=incidents.words_of,
            **values,
        )
        return HTMLResponse(text, code, HEADERS)

    def fragment(self, template: str, **values: Any) -> HTMLResponse:
        """Render a part of a page."""
        return HTMLResponse(render(template, gateway_url=_gateway_url(self.control), **values), headers=HEADERS)


def _notices(control: Control) -> list[str]:
    """Return what a reader of any page must know: standards that are not in force, figures that lag."""
    found = []
    if control.planner.state.faults:
        found.append("The standards as they stand are not in force: see the page Gateway.")
    ingest = next((loop for loop in control.loops if loop.name == "ingest"), None)
    if ingest is not None and ingest.done_at is not None and time.time() - ingest.done_at > _BEHIND_S:
        why = f" ({ingest.fault})" if ingest.fault else ""
        since = ago(time.time() - ingest.done_at)
        found.append(
            f"Figures are behind: usage was last taken in {since} ago{why}. The gateway goes on, and nothing is lost."
        )
    return found


async def form_of(request: Request) -> dict[str, str]:
    """Read a form of this site's own pages. Raises a 403 for one of another's."""
    if not _is_own_form(request):
        raise HTTPException(403, "this form came from another site")
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise HTTPException(409, "this is no form")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _FORM_MAX:
            raise HTTPException(409, "the form is too large")
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _is_own_form(request: Request) -> bool:
    """Tell whether a page of this site sent a form; programs that name no origin are not browsers."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    try:  # `null` is the origin of a frame that hides where it is from
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:  # an origin such as http://[
        return False


def csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Answer with a table as CSV."""
    return Response("".join(csv_lines(names, rows)), media_type="text/csv; charset=utf-8", headers=HEADERS)


def _gateway_url(control: Control) -> str:
    """Return where `paceline up` has the gateway listen; its usual address where the two were started apart."""
    try:
        listen = json.loads(control.data.supervisor_state.read_text())["gateway"]
        return control.data.gateway_url(Address.read(listen))
    except (OSError, ValueError, KeyError, AddressError):
        return "http://127.0.0.1:4100"
