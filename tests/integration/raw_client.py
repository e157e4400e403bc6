"""A caller that writes its own bytes: sockets, what was answered on them, and the requests most tests begin with.

Owns sending and reading; knows no SDK, repairs nothing, and never waits for a length of time.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from dataclasses import dataclass
from typing import Any

from tests.integration.installation import PATIENCE_S

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


@dataclass(frozen=True)
class Answer:
    """One response as it came; `status` 0 stands for a connection that closed without one."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON."""
        return dict(json.loads(self.body))

    @property
    def code(self) -> str:
        """The gateway's code in the refusal, empty when there is none."""
        return self.headers.get("x-paceline-code", "") or ("G305" if b"paceline G305" in self.body else "")


NOTHING = Answer(0, {}, b"")


def dial(port: int) -> socket.socket:
    """Connect; the patience is a bound for hangs."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def read_answer(connection: socket.socket, method: str = "POST") -> Answer:
    """Read one response, past any 100; a connection that closes or breaks before it is `NOTHING`."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ConnectionError):
        return NOTHING
    finally:
        response.close()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def exchange(port: int, sent: bytes, *, end: bool = False) -> Answer:
    """Send bytes on a fresh connection and read one response; with `end`, say before that nothing more will come."""
    with dial(port) as connection:
        with contextlib.suppress(OSError):  # refused in the middle: what it answered may still be read
            connection.sendall(sent)
            if end:
                connection.shutdown(socket.SHUT_WR)
        return read_answer(connection)


def statuses(port: int, sent: bytes) -> list[int]:
    """Send bytes and the end of them; return the status of each response until the gateway closes."""
    told = b""
    with dial(port) as connection, contextlib.suppress(OSError):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            told += piece
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", told)]


def head(path: str = CHAT, *fields: str, method: str = "POST", version: str = "HTTP/1.1") -> bytes:
    """Write a request head of these fields."""
    return "\r\n".join([f"{method} {path} {version}", "host: gateway", *fields, "", ""]).encode()


def request(key: str, body: bytes | dict[str, Any], *fields: str, path: str = CHAT) -> bytes:
    """Write a whole request with its length."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = f"content-length: {len(data)}"
    return head(path, f"authorization: Bearer {key}", "content-type: application/json", length, *fields) + data


def asking(text: str = "hello", **more: Any) -> dict[str, Any]:
    """Return a body both dialects take."""
    return {"model": "auto", "max_tokens": 8, "messages": [{"role": "user", "content": text}], **more}


class Stream:
    """A streamed answer read piece by piece, with what came so far."""

    def __init__(self, port: int, key: str, *fields: str, **more: Any) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        headers = {"authorization": f"Bearer {key}", **dict(field.split(": ", 1) for field in fields)}
        body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}], "stream": True, **more}
        self.connection.request("POST", CHAT, json.dumps(body), headers)
        self.response = self.connection.getresponse()
        self.id = self.response.headers["x-paceline-request-id"]
        self.text = b""

    def read_until(self, mark: bytes) -> None:
        """Read until the text holds `mark`; fails when it ends before."""
        while mark not in self.text:
            piece = self.response.read1(65536)
            assert piece, f"the stream ended before {mark!r}: {self.text[-200:]!r}"
            self.text += piece

    def read_rest(self) -> None:
        """Read to the end; raises `http.client.IncompleteRead` or `ConnectionError` when it was cut."""
        self.text += self.response.read()
        self.connection.close()

    @property
    def is_whole(self) -> bool:
        """True when the terminal event came last."""
        return self.text.endswith(b"data: [DONE]\n\n")

    @property
    def tokens(self) -> int:
        """Events with text that came: the simulated provider sends one a token."""
        return self.text.count(b'"content":"') - self.text.count(b'"content":""')
