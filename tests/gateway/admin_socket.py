"""A stand-in for the gateway's admin socket that answers as told: what a sound gateway does not say at will."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


class AdminSocket:
    """What was asked of it, and how it answers."""

    def __init__(self) -> None:
        self.plan: str | None = None
        """Hash of the plan it says is in force."""
        self.refusal: dict[str, str] | None = None
        """Why it refuses plans."""
        self.plans: list[bytes] = []
        self.spent: list[dict[str, Any]] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and JSON body."""
        if (method, path) == ("POST", "/plan"):
            self.plans.append(body)
            if self.refusal is not None:
                return 422, self.refusal
            self.plan = json.loads(body)["hash"]
            return 200, {"hash": self.plan}
        if (method, path) == ("POST", "/spent"):
            self.spent.append(json.loads(body))
            return 200, {}
        if path == "/metrics":
            return 200, None
        return 200, {"plan": self.plan}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def admin_socket(path: Path) -> Iterator[AdminSocket]:
    """Listen on a socket file for the length of a block."""
    socket = AdminSocket()

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, value = socket.answer(self.command, self.path, body)
            text = b"# EOF\n" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    with _Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield socket
        finally:
            server.shutdown()
            thread.join()
            path.unlink(missing_ok=True)
