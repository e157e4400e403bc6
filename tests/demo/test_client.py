"""The lean client against a real socket: framing however it is split, keep-alive, answers cut short."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from paceline.demo.client import Answer, AnswerCutError, Client, unchunked

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = [b"data: 0\n\n", b'data: {"a": "\\r\\n0"}\n\n', b"data: [DONE]\n\n"]
CHUNKED = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in EVENTS) + b"0\r\n\r\n"
PLAIN = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\nRetry-After: 3\r\n\r\n{}"

Use = Callable[[Client], Awaitable[None]]


async def with_server(answers: Sequence[Sequence[bytes]], use: Use) -> list[bytes]:
    """Serve each request with the next answer, piece by piece, and close when there are none; return the heads."""
    heads: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
            for piece in left.pop(0):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = Client("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        await use(client)
    finally:
        client.close()
        server.close()
        await server.wait_closed()
    return heads


def posted(answers: Sequence[Sequence[bytes]], times: int = 1) -> tuple[list[Answer], list[bytes]]:
    got: list[Answer] = []

    async def use(client: Client) -> None:
        got.extend([await client.post("/v1/x", {"x-a": "b"}, b"{}") for _ in range(times)])

    heads = asyncio.run(with_server(answers, use))
    return got, heads


@pytest.mark.parametrize("cut", range(1, len(HEAD + CHUNKED)))
def test_a_stream_is_whole_wherever_it_is_split(cut: int) -> None:
    whole = HEAD + CHUNKED
    (answer,), _ = posted([[whole[:cut], whole[cut:]]])
    assert answer.body == b"".join(EVENTS)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.reads_s == sorted(answer.reads_s)
    assert answer.sent_s <= answer.reads_s[0]


def test_a_chunk_that_ends_like_a_last_chunk_does_not_end_the_answer() -> None:
    tricky = b"0\r\n\r\n"
    whole = HEAD + b"%x\r\n%s\r\n" % (len(tricky), tricky)
    (answer,), _ = posted([[whole[:-2], b"\r\n0\r\n\r\n"]])
    assert answer.body == tricky


def test_connections_are_kept_and_used_again() -> None:
    answers, heads = posted([[PLAIN], [HEAD + CHUNKED], [PLAIN]], times=3)
    assert [answer.status for answer in answers] == [429, 200, 429]
    assert answers[0].headers["retry-after"] == "3"
    assert heads[0].startswith(b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"x-a: b\r\n" in heads[0]


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200", HEAD, HEAD + CHUNKED[:-5], PLAIN[:-1]])
def test_an_answer_cut_short_is_an_error(part: bytes) -> None:
    with pytest.raises(AnswerCutError):
        posted([[part]])


def test_chunked_framing_is_undone_and_waits_for_its_end() -> None:
    assert unchunked(CHUNKED, 0) == b"".join(EVENTS)
    for end in range(len(CHUNKED) - 4):
        assert unchunked(CHUNKED[:end], 0) is None
    assert unchunked(b"3;note=x\r\nabc\r\n0\r\n\r\n", 0) == b"abc"
