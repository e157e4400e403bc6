"""Talking to a running gateway: its admin socket (plans, status, metrics, drain) and its health address.

Plain blocking calls with a bound on each; callers that must not block use a thread.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any

from paceline.gateway import tls

TIMEOUT_S = 5.0


class LinkError(Exception):
    """The gateway's admin socket did not answer as it should."""


class UntrustedError(LinkError):
    """What answers over TLS has no certificate that is trusted here."""


class PlanRefusedError(Exception):
    """The gateway refused a plan whole; the one in force before stays."""

    def __init__(self, path: str, message: str, hint: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message
        self.hint = hint


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("gateway", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        # The fallback for long paths lies in a directory that others can write to.
        if self._path.stat().st_uid not in {os.getuid(), 0}:
            message = "the socket belongs to another user"
            raise PermissionError(message)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Link:
    """The client side of one gateway's admin socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send_plan(self, plan: bytes) -> str:
        """Put a plan in force and return its hash; raises `PlanRefusedError` or `LinkError`."""
        status, body = self._ask("POST", "/plan", plan)
        answer = _object(body)
        if status == 422:
            raise PlanRefusedError(*(str(answer.get(name) or "") for name in ("path", "message", "hint")))
        if status != 200:
            raise LinkError(f"the gateway answered {status} to a plan")
        return str(answer["hash"])

    def send_spent(self, spent: bytes) -> None:
        """Hand over the money spent as the ledger knows it; raises `LinkError`."""
        status, _ = self._ask("POST", "/spent", spent)
        if status not in {200, 204}:
            raise LinkError(f"the gateway answered {status} to the money spent")

    def status(self) -> dict[str, Any]:
        """Return what the gateway says of itself."""
        return _object(self._get("/status"))

    def metrics(self) -> str:
        """Return the gateway's metrics in Prometheus' text form."""
        return self._get("/metrics").decode()

    def drain(self) -> None:
        """Tell the gateway to finish what it has and leave."""
        self._ask("POST", "/drain")

    def _get(self, path: str) -> bytes:
        status, body = self._ask("GET", path)
        if status != 200:
            raise LinkError(f"the gateway answered {status} to GET {path}")
        return body

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = _SocketConnection(self._path)
        try:
            connection.request(method, path, body=body, headers={"content-type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(f"no gateway answers on {self._path}: {error or type(error).__name__}") from error
        finally:
            connection.close()


def ask_http(
    address: str,
    path: str,
    headers: dict[str, str] | None = None,
    certificate: Path | None = None,
    *,
    anyone: bool = False,
) -> tuple[int, bytes] | None:
    """GET a path of the process that listens on `HOST:PORT`; None when nothing answers there.

    With `certificate` over TLS to a process of this installation, which must show exactly that one; its name may be
    another than the address we reach it by. With `anyone` over TLS to whoever has a trusted certificate for the
    address. Raises `UntrustedError`.
    """
    connection = _connection(address, certificate, anyone)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    except ssl.SSLCertVerificationError as error:
        raise UntrustedError(error.verify_message) from error
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _connection(address: str, certificate: Path | None, anyone: bool) -> http.client.HTTPConnection:
    if certificate is None and not anyone:
        return http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        context = tls.any_context(certificate) if anyone or certificate is None else tls.own_context(certificate)
    except OSError as error:
        raise UntrustedError(f"{certificate} cannot be read: {error.strerror or error}") from error
    return http.client.HTTPSConnection(address, timeout=TIMEOUT_S, context=context)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise LinkError("the gateway's answer is not JSON") from error
    if not isinstance(value, dict):
        raise LinkError("the gateway's answer is not a JSON object")
    return value
