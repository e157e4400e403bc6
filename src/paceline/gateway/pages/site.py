"""What all addresses of pages share: the frame around a page, headers, forms, CSV. Owns no address.

Every page works without a script, and none is sent: the content policy forbids them. A form is taken only from a page
of this site.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from paceline.dashboard import Sources
from paceline.dashboard.pages import incidents
from paceline.dashboard.view import render
from paceline.exports.csv_lines import csv_lines
from paceline.gateway.address import Address, AddressError
from paceline.gateway.api.access import Caller
from paceline.gateway.control import Control

__all__ = ["HEADERS", "PAGES", "Site", "Text", "csv", "form_of"]

PAGES: Final = (
    ("/", "Overview"),
    ("/incidents", "Incidents"),
    ("/spend", "Spend"),
    ("/classes", "Budgets"),
    ("/waivers", "Waivers"),
    ("/reviews", "Reviews"),
    ("/gateway", "Gateway"),
)
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
_FORM_MAX: Final = 64 << 10

Text = Annotated[str | None, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages share."""

    control: Control
    sources: Sources

    def page(
        self, template: str, title: str, current: str, caller: Caller, code: int = 200, **values: Any
    ) -> HTMLResponse:
        """Render a page."""
        standards = self.control.planner.standards
        faults = self.control.planner.state.faults
        notices = ["The standards as they stand are not in force: see the page Gateway."] if faults else []
        text = render(
            template,
            title=title,
            current=current,
            caller=caller,
            pages=PAGES,
            notices=notices,
            organisation=standards.options.organisation if standards is not None else "",
            gateway_url=_gateway_url(self.control),
            words_of=incidents.words_of,
            **values,
        )
        return HTMLResponse(text, code, HEADERS)


async def form_of(request: Request) -> dict[str, str]:
    """Read a form of this site's own pages. Raises a 403 for one of another's."""
    site = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if site not in (None, "same-origin", "none") or (site is None and origin not in ("", request.headers.get("host"))):
        raise HTTPException(403, "this form came from another site")
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise HTTPException(409, "this is no form")
    body = await request.body()
    if len(body) > _FORM_MAX:
        raise HTTPException(409, "the form is too large")
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Answer with lines of CSV."""
    return Response("".join(csv_lines(names, rows)), media_type="text/csv; charset=utf-8", headers=HEADERS)


def _gateway_url(control: Control) -> str:
    """Return where `paceline up` has the gateway listen; its usual address where the two were started apart."""
    try:
        listen = json.loads(control.data.supervisor_state.read_text())["gateway"]
        return control.data.gateway_url(Address.read(listen))
    except (OSError, ValueError, KeyError, AddressError):
        return "http://127.0.0.1:4100"
