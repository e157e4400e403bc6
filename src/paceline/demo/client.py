"""A lean HTTP/1.1 client: notes when each read came, keeps the bytes, and looks into them only when all are there.

Owns connections to one address. A client that decodes every event as it comes measures itself; this one does about
as much per read as the kernel. It knows nothing of traces or of what is in the bodies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class AnswerCutError(Exception):
    """The connection ended before the answer did."""


@dataclass(slots=True)
class Answer:
    """One answer with the instants of its reads, on `time.perf_counter`'s clock."""

    sent_s: float
    reads_s: list[float] = field(default_factory=list)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class _Connection(asyncio.Protocol):
    """One keep-alive connection; carries one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_open = True
        self._raw = bytearray()
        self._body_at = 0
        self._length: int | None = None
        self._answer: Answer | None = None
        self._waiting: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # asyncio's contract for TCP
        self.transport = transport

    def send(self, request: bytes) -> asyncio.Future[Answer]:
        """Write a request; the future has the whole answer or `AnswerCutError`."""
        assert self.transport is not None  # noqa: S101  # made by `create_connection`, which waits for it
        self._raw, self._body_at, self._length = bytearray(), 0, None
        self._waiting = asyncio.get_running_loop().create_future()
        self._answer = Answer(time.perf_counter())
        self.transport.write(request)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        """Note the instant, keep the bytes, see whether that was all."""
        now = time.perf_counter()
        answer = self._answer
        if answer is None:
            self.close()
            return
        answer.reads_s.append(now)
        self._raw += data
        if not self._body_at:
            self._read_head(answer)
        if self._body_at and self._is_whole(answer):
            self._finish(answer)

    def _read_head(self, answer: Answer) -> None:
        end = self._raw.find(HEAD_END)
        if end < 0:
            return
        first, *lines = self._raw[:end].decode("latin-1").split("\r\n")
        answer.status = int(first.split(" ", 2)[1])
        answer.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._body_at = end + len(HEAD_END)
        if "chunked" not in answer.headers.get("transfer-encoding", ""):
            self._length = int(answer.headers.get("content-length", "0"))

    def _is_whole(self, answer: Answer) -> bool:
        if self._length is not None:
            if len(self._raw) - self._body_at < self._length:
                return False
            answer.body = bytes(self._raw[self._body_at : self._body_at + self._length])
            return True
        if not self._raw.endswith(LAST_CHUNK):  # the common read of a stream ends here
            return False
        body = unchunked(self._raw, self._body_at)
        answer.body = body or b""
        return body is not None

    def _finish(self, answer: Answer) -> None:
        waiting, self._waiting, self._answer = self._waiting, None, None
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that was under way."""
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(AnswerCutError(str(exc or "closed by the other side")))

    def close(self) -> None:
        """Close without waiting."""
        self.is_open = False
        if self.transport is not None:
            self.transport.abort()


def unchunked(raw: bytes | bytearray, at: int) -> bytes | None:
    """Undo chunked framing from `at`; None when the last chunk is not there yet."""
    parts: list[bytes] = []
    while True:
        line_end = raw.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(bytes(raw[at:line_end]).partition(b";")[0], 16)
        start = line_end + 2
        if size == 0:
            return b"".join(parts)
        if start + size + 2 > len(raw):
            return None
        parts.append(bytes(raw[start : start + size]))
        at = start + size + 2


class Client:
    """Posts to one address over as many keep-alive connections as are needed at once."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post and return the whole answer; raises `AnswerCutError` or `OSError`."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
        connection = await self._connection()
        try:
            answer = await connection.send(head.encode() + body)
        except BaseException:
            connection.close()
            self._all.discard(connection)
            raise
        if connection.is_open:
            self._idle.append(connection)
        return answer

    async def _connection(self) -> _Connection:
        while self._idle:
            kept = self._idle.pop()
            if kept.is_open:
                return kept
            self._all.discard(kept)
        _, made = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        self._all.add(made)
        return made

    def close(self) -> None:
        """Close every connection."""
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._idle.clear()
