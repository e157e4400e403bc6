"""A provider of the test's own on raw sockets: it records what it receives and answers what the test writes.

Owns no thread: the test takes a request, writes the answer, and decides when. What it received is kept as bytes.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.integration.installation import PATIENCE_S


@dataclass
class Exchange:
    """One request as it came, and the connection to answer it on."""

    connection: socket.socket
    target: str
    fields: list[tuple[str, str]]
    body: bytes
    number: int
    """Which connection of the upstream this is, from 1."""

    @property
    def headers(self) -> dict[str, str]:
        """The fields by lower-case name."""
        return {name.lower(): value for name, value in self.fields}

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.connection.sendall(data)

    def answer(self, body: bytes, *fields: str, status: str = "200 OK", kind: str = "application/json") -> None:
        """Answer whole."""
        self.send(head(status, f"content-type: {kind}", f"content-length: {len(body)}", *fields) + body)

    def begin(self, *fields: str, kind: str = "text/event-stream") -> None:
        """Answer with a head alone; pieces follow with `chunk`."""
        self.send(head("200 OK", f"content-type: {kind}", "transfer-encoding: chunked", *fields))

    def chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one is the end."""
        self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def wait_until_left(self) -> None:
        """Return when the gateway has closed its end; a hang fails."""
        with contextlib.suppress(ConnectionError):
            assert self.connection.recv(1) == b"", "the gateway sent more instead of leaving"


def head(status: str, *fields: str) -> bytes:
    """Write a response head."""
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def events(texts: Iterable[str]) -> list[bytes]:
    """Write one chat event a text, and the terminal one."""
    made = [f'data: {{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}\n\n'.encode() for text in texts]
    return [*made, b"data: [DONE]\n\n"]


class RecordingUpstream:
    """Listens; `take` hands out requests one by one, from new connections and kept ones alike."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: dict[socket.socket, int] = {}
        self._count = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close_connections()
        self._listener.close()

    def close_connections(self) -> None:
        """Close every kept connection."""
        for connection in self._open:
            connection.close()
        self._open.clear()

    def take(self) -> Exchange:
        """Wait for the next request and read it whole."""
        while True:
            self._open = {one: number for one, number in self._open.items() if one.fileno() >= 0}
            ready, _, _ = select.select([self._listener, *self._open], [], [], PATIENCE_S)
            assert ready, "no request reached the upstream"
            if ready[0] is self._listener:
                connection, _ = self._listener.accept()
                connection.settimeout(PATIENCE_S)
                self._count += 1
                self._open[connection] = self._count
            elif (exchange := self._read(ready[0])) is not None:
                return exchange

    def _read(self, connection: socket.socket) -> Exchange | None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                del self._open[connection]
                connection.close()
                return None
            data += piece
        text, _, body = data.partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        length = int(dict((name.lower(), value) for name, value in fields)["content-length"])  # noqa: C402
        parts = [body]
        missing = length - len(body)
        while missing > 0:
            parts.append(connection.recv(min(missing, 1 << 20)))
            missing -= len(parts[-1])
        return Exchange(connection, first.split(" ")[1], fields, b"".join(parts), self._open[connection])
