"""The control process's HTTP API: status, report, keys, metrics, and governance's under `/api/v1` (see `api`). Thin.

Reading is free on loopback (to callers that name a loopback host, so that no web page can read it through DNS);
whatever changes something wants a token or the admin key, and so does everything when others can connect.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from paceline.gateway.api import add_api
from paceline.gateway.api.access import access
from paceline.gateway.control import Control
from paceline.gateway.link import LinkError
from paceline.gateway.pages import add_pages
from paceline.gateway.status import status_document

METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SINCE_S = 3600.0
SINCE_S_MAX = 400 * 86400.0
BODY_BYTES_MAX = 1 << 20


class KeyLimits(BaseModel):
    """The most a key may do; absent is no limit."""

    model_config = ConfigDict(extra="forbid")

    requests_per_minute: int | None = Field(default=None, ge=1, le=2**32 - 1)
    tokens_per_minute: int | None = Field(default=None, ge=1, le=2**53)
    requests_in_flight: int | None = Field(default=None, ge=1, le=2**32 - 1)
    usd_per_day: float | None = Field(default=None, gt=0, lt=1e9)
    usd_per_month: float | None = Field(default=None, gt=0, lt=1e9)


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    service: str | None = None
    services: list[str] = []
    any_service: bool = False
    use_case: str | None = None
    name: str = ""
    limits: KeyLimits = KeyLimits()


class _Server(uvicorn.Server):
    """A server that ends on a signal and lets the process go on, to take the last usage in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals over, for good: uvicorn's own would raise them again when it has ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def serve(control: Control, bound: socket.socket) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        application(control),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=5,
        proxy_headers=False,  # who is believed is `api.access`'s question, and wants the true address
    )
    _Server(config).run([bound])


def application(control: Control) -> FastAPI:
    """Return the API over one control process."""
    app = FastAPI(title="paceline control", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")

    @app.middleware("http")
    async def bounded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Refuse bodies that are too large or say not how large they are, before a byte of them is read."""
        length = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers:
            return JSONResponse({"detail": "a body says its length"}, 411)
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            return JSONResponse({"detail": f"a body may have {BODY_BYTES_MAX} bytes"}, 413)
        return await answer(request)

    rules = access(control)
    add_api(app, control)
    add_pages(app, control)
    _add_reading(app, control, Depends(rules.reader))
    _add_keys(app, control, Depends(rules.reader), Depends(rules.admin))
    return app


def _add_reading(app: FastAPI, control: Control, reader: Any) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/api/status", dependencies=[reader])
    def status() -> dict[str, Any]:
        return status_document(control)

    @app.get("/api/report", dependencies=[reader])
    def report(since: Annotated[float, Query(gt=0, le=SINCE_S_MAX)] = SINCE_S) -> JSONResponse:
        return JSONResponse(control.ledger.report(time.time() - since))

    @app.get("/metrics", dependencies=[reader])
    def metrics() -> PlainTextResponse:
        try:
            return PlainTextResponse(with_own(control.link.metrics(), control), media_type=METRICS_TYPE)
        except LinkError as error:
            raise HTTPException(503, str(error)) from error


def with_own(metrics: str, control: Control) -> str:
    """Add to the gateway's metrics what only this process knows: whether the standards file is in force."""
    refused = int(bool(control.planner.state.faults))
    return f"{metrics.removesuffix(_END)}{_REFUSED}paceline_plan_refused {refused}\n{_END}"


_END = "# EOF\n"
_REFUSED = """\
# HELP paceline_plan_refused 1 while the standards file as it stands is not in force because of its faults.
# TYPE paceline_plan_refused gauge
"""


def _add_keys(app: FastAPI, control: Control, reader: Any, admin: Any) -> None:
    @app.get("/api/keys", dependencies=[reader])
    def keys() -> dict[str, Any]:
        return {"keys": [key.document() for key in control.ledger.keys.list()]}

    @app.post("/api/keys", status_code=201, dependencies=[admin])
    def create(wanted: NewKey) -> dict[str, Any]:
        made = control.ledger.keys.create(**wanted.model_dump())
        return {"key": made.key, "id": made.id, **wanted.model_dump()}

    @app.delete("/api/keys/{key_id}", status_code=204, dependencies=[admin])
    def revoke(key_id: str) -> Response:
        if not control.ledger.keys.revoke(key_id):
            raise HTTPException(404, f"there is no key {key_id}")
        return Response(status_code=204)
