"""Signing in and out: a browser's token goes into a cookie that no script reads and no other site sends."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from paceline.gateway.api.access import COOKIE, Caller, access, is_proxy
from paceline.gateway.pages.site import Site, form_of

__all__ = ["add"]


def add(routes: APIRouter, site: Site) -> None:
    """Add the routes."""

    @routes.get("/sign-in")
    def ask(to: str = "/") -> HTMLResponse:
        return site.page("sign_in", "Sign in", "", Caller("nobody", "viewer"), to=own(to), wrong=False)

    @routes.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Take a token into a cookie, then lead on."""
        form = await form_of(request)
        token = form.get("token", "").strip()
        if not await run_in_threadpool(access(site.control).holds, token):
            nobody = Caller("nobody", "viewer")
            return site.page("sign_in", "Sign in", "", nobody, 403, to=own(form.get("to", "/")), wrong=True)
        answer = RedirectResponse(own(form.get("to", "/")), 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=_is_https(site, request))
        return answer

    @routes.get("/sign-out")
    def sign_out() -> Response:
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer


def _is_https(site: Site, request: Request) -> bool:
    """Tell whether the browser speaks TLS: to us, or to a proxy that is believed."""
    standards = site.sources.standards()
    rules = None if standards is None else standards.options.sign_in
    if rules is not None and is_proxy(rules, request) and request.headers.get("x-forwarded-proto") == "https":
        return True
    return request.url.scheme == "https"


def own(address: str) -> str:
    """Return an address of this site; the overview for any other."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as //[
        return "/"
    is_own = address.startswith("/") and "\\" not in address and not parts.netloc and not parts.scheme
    return address if is_own and not address.startswith("//") else "/"
