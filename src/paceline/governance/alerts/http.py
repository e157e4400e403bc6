"""Posting JSON to a receiver of alerts. Owns deadlines, bounds and what an answer means for the next try.

Follows no redirect: a webhook's address holds a secret, and the body tells of the inside.
"""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from paceline.governance.alerts.errors import NotSentError

__all__ = ["post"]

TIMEOUT_S = 10.0
_AFTER_MAX_S = 3600.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_names: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def post(url: str, payload: Mapping[str, Any] | bytes, *, headers: Mapping[str, str] | None = None) -> None:
    """Post a JSON document; bytes are sent as they are.

    Raises `NotSentError`: try again after timeouts, broken connections, 408, 429 and 5xx; not after other answers.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise NotSentError("the webhook's address does not begin with http:// or https://", again=False)
    body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    sent = {"content-type": "application/json", "user-agent": "paceline", **(headers or {})}
    try:
        request = urllib.request.Request(url, data=body, headers=sent, method="POST")  # noqa: S310
        with _OPENER.open(request, timeout=TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        with error:
            again = error.code in {408, 429} or error.code >= 500
            reason = f"the receiver answered {error.code}"
            raise NotSentError(reason, again=again, after_s=_after(error.headers.get("retry-after"))) from None
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        raise NotSentError(
            f"the receiver was not reached: {_why(error)}", again=not isinstance(error, ValueError)
        ) from None


def _why(error: Exception) -> str:
    """Name the kind of trouble, without the address."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, socket.gaierror):
        return "its name has no address"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return type(reason).__name__


def _after(text: str | None) -> float | None:
    """Read the seconds of a `retry-after`, which is a number or a date."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _AFTER_MAX_S)
