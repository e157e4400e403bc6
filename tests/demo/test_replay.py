"""The replay's schedule against a server that answers at once: order, sessions, counts, the end of the window."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from paceline.demo import wire
from paceline.demo.cast import ROLES, Role
from paceline.demo.client import Client
from paceline.demo.replay import Replay
from paceline.demo.traces import Call

CHAT, CODE, AGENT = ROLES
STREAM = b"data: {}\n\ndata: [DONE]\n\n"


def role(base: Role, calls: Iterable[Call], scale: float = 1.0, starts_s: float = 0.0) -> Role:
    listed = list(calls)
    return replace(base, scale=scale, starts_s=starts_s, calls=lambda: listed)


def call(at_s: float, session: str = "", streamed: bool = False) -> Call:
    return Call(at_s, session, 10, 5, streamed)


class Echo:
    """Answers every call; notes the bodies, and how many were under way at once."""

    def __init__(self, status: bytes = b"200 OK", hold: asyncio.Event | None = None) -> None:
        self.bodies: list[dict[str, object]] = []
        self.paths: list[bytes] = []
        self.most = 0
        self._now = 0
        self._status = status
        self._hold = hold

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Serve, and lend a client; both are closed, every connection too, at the end."""
        handlers: set[asyncio.Task[None] | None] = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            handlers.add(asyncio.current_task())
            await self.serve(reader, writer)
            await writer.wait_closed()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        client = Client("127.0.0.1", server.sockets[0].getsockname()[1])
        yield client
        client.close()
        server.close()
        await asyncio.gather(*filter(None, handlers), return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await self._head(reader):
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            self.bodies.append(body)
            self.paths.append(head.split(b" ")[1])
            self._now += 1
            self.most = max(self.most, self._now)
            await (self._hold.wait() if self._hold else asyncio.sleep(0))
            self._now -= 1
            answer = STREAM if body["stream"] else b"{}"
            writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (self._status, len(answer), answer))
        writer.close()

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


def played(echo: Echo, *roles: Role, seconds: float = 0.2) -> Replay:
    async def work() -> Replay:
        async with echo.client() as client:
            replay = Replay(client, None, roles, {one.service: "pk-test" for one in roles}, seconds)
            await replay.run()
        return replay

    return asyncio.run(work())


def test_every_call_within_the_window_is_made_and_counted() -> None:
    echo = Echo()
    replay = played(
        echo,
        role(CHAT, [call(0.0, streamed=True), call(0.05), call(99.0)]),
        role(CODE, [call(1.0), call(3.3)], scale=6, starts_s=3.0),
        role(AGENT, [call(0.0, "a", streamed=True)]),
    )
    counts = {name: (one.sent, one.answered, one.failed) for name, one in replay.tallies.items()}
    assert counts == {"helpdesk": (2, 2, 0), "editor": (1, 1, 0), "builder": (1, 0, 1)}  # no Anthropic terminal event
    assert {body["model"] for body in echo.bodies} == {"chat-small", "task:code", "auto"}


def test_calls_without_a_session_do_not_wait_for_each_other_and_those_of_one_do() -> None:
    async def work() -> tuple[int, int]:
        open_loop, closed_loop = Echo(hold=(first := asyncio.Event())), Echo(hold=(second := asyncio.Event()))
        counts = []
        for echo, gate, session in ((open_loop, first, ""), (closed_loop, second, "s")):
            async with echo.client() as client:
                calls = [call(0.0, session) for _ in range(5)]
                replay = Replay(client, None, [role(CHAT, calls)], {"helpdesk": "k"}, 0.2)
                running = asyncio.create_task(replay.run())
                while len(echo.bodies) < (1 if session else 5):
                    await asyncio.sleep(0.001)
                gate.set()
                await running
                counts.append(echo.most)
        return counts[0], counts[1]

    assert asyncio.run(work()) == (5, 1)


def test_a_refused_call_counts_as_failed() -> None:
    replay = played(Echo(status=b"429 Too Many"), role(CHAT, [call(0.0)]))
    assert replay.tallies["helpdesk"].failed == 1


def test_a_gateway_that_is_not_there_fails_every_call() -> None:
    async def work() -> Replay:
        replay = Replay(Client("127.0.0.1", 9), None, [role(CHAT, [call(0.0)])], {"helpdesk": "k"}, 0.1)
        await replay.run()
        return replay

    assert asyncio.run(work()).tallies["helpdesk"].failed == 1


def test_requests_carry_the_tag_the_key_and_the_length_of_the_answer() -> None:
    one = Call(0.0, "s", 200, 33, True, system_tokens=64, blocks=((1, 4),))
    assert wire.path(AGENT) == "/t/builder/repo-agent/v1/messages"
    assert wire.headers(AGENT, one, "pk-x") == {
        "x-api-key": "pk-x",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "x-sim-output-tokens": "33",
    }
    body = json.loads(wire.body(AGENT, one, 0))
    assert set(body) == {"model", "max_tokens", "system", "messages", "stream"}
    assert len(body["system"]) + len(body["messages"][0]["content"]) == 800
    assert wire.headers(CHAT, one, "pk-x")["authorization"] == "Bearer pk-x"
    assert "max_tokens" not in json.loads(wire.body(CHAT, one, 0))
