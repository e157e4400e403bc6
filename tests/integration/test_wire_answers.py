"""The wire towards the caller: the provider's bytes as they come, event by event, and an end that never lies."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import pytest
from tests.integration.installation import PATIENCE_S, Installation, until
from tests.integration.ledger_rows import row
from tests.integration.raw_client import dial, read_answer, request
from tests.integration.recording_upstream import Exchange, RecordingUpstream, events

RECONNECTED = 1 << 7
ASKING = {"model": "gpt-5.4-mini", "max_tokens": 9, "messages": []}
USAGE = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
USAGE_EVENT = f'data: {{"choices":[],"usage":{json.dumps(USAGE)}}}\n\n'.encode()


class Caller:
    """A streamed answer read as it comes."""

    def __init__(self, at: Installation, key: str, **more: Any) -> None:
        self.socket = dial(at.gateway_port)
        self.socket.sendall(request(key, {**ASKING, "stream": True, **more}))
        self.text = b""
        self.response = http.client.HTTPResponse(self.socket, method="POST")

    def begin(self) -> dict[str, str]:
        """Read the head."""
        self.response.begin()
        return {name.lower(): value for name, value in self.response.getheaders()}

    def read(self, wanted: bytes) -> None:
        """Read until the text ends with `wanted`."""
        while not self.text.endswith(wanted):
            piece = self.response.read1(65536)
            assert piece, f"the answer ended before {wanted!r}"
            self.text += piece

    def rest(self) -> bytes:
        """Read to the end; raises when the framing is cut off."""
        try:
            return self.text + self.response.read()
        finally:
            self.leave()

    def leave(self) -> None:
        """Close everything at once."""
        self.response.close()
        self.socket.close()


def test_a_whole_answer_keeps_every_byte_and_header(
    wired: Installation, upstream: RecordingUpstream, wired_key: str
) -> None:
    body = b'{ "choices" : [ ] ,\n"x":"\\u00e9","x":1.0e0, "unknown":{}}\r\n\x00'
    with dial(wired.gateway_port) as caller:
        caller.sendall(request(wired_key, ASKING))
        exchange = upstream.take()
        fields = ("x-new-in-2031: a, b", "X-RateLimit-Remaining: 7", "set-cookie: a=1", "keep-alive: timeout=5")
        exchange.answer(body, *fields, "connection: x-hop", "x-hop: 1", "x-request-id: theirs", kind="application/json")
        answer = read_answer(caller)
    assert answer.body == body
    headers = answer.headers
    assert (headers["x-new-in-2031"], headers["x-ratelimit-remaining"]) == ("a, b", "7")
    assert headers["x-request-id"] == "theirs"
    assert not {"keep-alive", "x-hop", "transfer-encoding", "set-cookie"} & set(headers)
    assert headers["x-paceline-request-id"] == exchange.headers["x-paceline-request-id"]
    assert headers["x-paceline-deployment"] == "openai/gpt-5.4-mini"
    assert {"x-paceline-model", "x-paceline-overhead-us", "server-timing"} <= set(headers)


@pytest.mark.parametrize("status", ["404 Gone Fishing", "418 Teapot", "500 Oh"])
def test_an_error_passes_as_it_is(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, status: str
) -> None:
    with dial(wired.gateway_port) as caller:
        caller.sendall(request(wired_key, ASKING))
        upstream.take().answer(b"<not even json>", status=status, kind="text/html; charset=x")
        answer = read_answer(caller)
    assert (answer.status, answer.body) == (int(status[:3]), b"<not even json>")
    assert answer.headers["content-type"] == "text/html; charset=x"


def test_a_large_answer_passes_whole(wired: Installation, upstream: RecordingUpstream, wired_key: str) -> None:
    body = json.dumps({"choices": [], "filler": "é\n" * 700_000}).encode()
    with dial(wired.gateway_port) as caller:
        caller.sendall(request(wired_key, ASKING))
        exchange = upstream.take()
        writing = threading.Thread(target=exchange.answer, args=(body,))
        writing.start()
        assert read_answer(caller).body == body
        writing.join(PATIENCE_S)


def start(wired: Installation, upstream: RecordingUpstream, key: str, **more: Any) -> tuple[Caller, Exchange]:
    """Begin a stream whose head has reached the caller."""
    caller = Caller(wired, key, **more)
    exchange = upstream.take()
    exchange.begin("x-new: kept")
    headers = caller.begin()
    assert headers["x-accel-buffering"] == "no"
    assert headers["x-new"] == "kept"
    assert headers["content-type"] == "text/event-stream"
    return caller, exchange


@pytest.mark.parametrize("asked", [True, False], ids=["usage asked", "usage withheld"])
def test_each_event_arrives_before_the_next_is_sent(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, asked: bool
) -> None:
    more = {"stream_options": {"include_usage": True}} if asked else {}
    caller, exchange = start(wired, upstream, wired_key, **more)
    sent = [b": a comment\n\n", *events(["one", "two", "three"])]
    for event in sent[:-1]:
        exchange.chunk(event)
        caller.read(event)  # hangs if the gateway holds anything back
    exchange.chunk(USAGE_EVENT)
    exchange.chunk(sent[-1])
    exchange.chunk(b"")
    passed = [*sent[:-1], *([USAGE_EVENT] if asked else []), sent[-1]]
    assert caller.rest() == b"".join(passed)
    found = row(wired, exchange.headers["x-paceline-request-id"])
    assert (found["outcome"], found["events"], found["tokens_output"]) == ("ok", 3, 3)


def test_events_cut_anywhere_pass_unchanged(wired: Installation, upstream: RecordingUpstream, wired_key: str) -> None:
    sent = b"\xef\xbb\xbf" + b"".join(events(["é\\n", "two"])).replace(b"\n", b"\r\n")
    for size in (1, 7, 50):
        caller, exchange = start(wired, upstream, wired_key, stream_options={"include_usage": True})
        for at in range(0, len(sent), size):
            exchange.chunk(sent[at : at + size])
        exchange.chunk(b"")
        assert caller.rest() == sent
        found = row(wired, exchange.headers["x-paceline-request-id"])
        assert (found["outcome"], found["events"]) == ("ok", 2)


@pytest.mark.parametrize("how", ["clean end", "cut"])
def test_a_stream_without_its_terminal_event_is_an_error(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, how: str
) -> None:
    caller, exchange = start(wired, upstream, wired_key)
    first = events(["one"])[0]
    exchange.chunk(first)
    caller.read(first)
    if how == "clean end":
        exchange.chunk(b"")
    exchange.close()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as ended:
        caller.rest()
    partial = getattr(ended.value, "partial", b"")
    assert b"[DONE]" not in partial
    assert b"G406" in partial or not partial
    assert row(wired, exchange.headers["x-paceline-request-id"])["outcome"] == "truncated"


@pytest.mark.parametrize("streamed", [True, False])
def test_a_caller_who_leaves_takes_the_provider_along(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, streamed: bool
) -> None:
    if streamed:
        caller, exchange = start(wired, upstream, wired_key)
        exchange.chunk(events(["one"])[0])
        caller.read(events(["one"])[0])
        caller.leave()
    else:
        with dial(wired.gateway_port) as connection:
            connection.sendall(request(wired_key, ASKING))
            exchange = upstream.take()
    exchange.wait_until_left()
    assert row(wired, exchange.headers["x-paceline-request-id"])["outcome"] == "cancelled"


def test_a_connection_the_provider_dropped_is_replaced_unseen(
    wired: Installation, upstream: RecordingUpstream, wired_key: str
) -> None:
    def ask() -> tuple[Exchange, str]:
        with dial(wired.gateway_port) as caller:
            caller.sendall(request(wired_key, ASKING))
            exchange = upstream.take()
            exchange.answer(b"{}")
            return exchange, read_answer(caller).headers["x-paceline-request-id"]

    first, _ = ask()
    second, _ = ask()
    assert second.number == first.number, "a kept connection is used again"
    # Answered and closed without a word, as idle timeouts do.
    upstream.close_connections()
    third, ident = ask()
    assert third.number != first.number
    assert row(wired, ident)["outcome"] == "ok"


def test_a_connection_that_dies_under_a_request_is_tried_again_once(
    wired: Installation, upstream: RecordingUpstream, wired_key: str
) -> None:
    with dial(wired.gateway_port) as caller:
        caller.sendall(request(wired_key, ASKING))
        upstream.take().answer(b"{}")
        assert read_answer(caller).status == 200
    with dial(wired.gateway_port) as caller:
        caller.sendall(request(wired_key, ASKING))
        upstream.take().close()  # a kept connection, and the request was read: no byte of an answer came
        again = upstream.take()
        again.answer(b"{}")
        ident = read_answer(caller).headers["x-paceline-request-id"]
    assert until(lambda: row(wired, ident), "the row")["flags"] & RECONNECTED
