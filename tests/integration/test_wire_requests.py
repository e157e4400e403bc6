"""The wire towards the provider: the caller's own bytes but for the named splices, the headers that may cross."""

from __future__ import annotations

import json
import random

import pytest
from tests.integration.installation import Installation
from tests.integration.raw_client import Answer, dial, read_answer, request
from tests.integration.recording_upstream import Exchange, RecordingUpstream

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
EMBEDDINGS, COMPLETIONS = "/v1/embeddings", "/v1/completions"
MODEL, CLAUDE = b"gpt-5.4-mini", b"claude-haiku-4-5"
USAGE = b'"stream_options":{"include_usage":true},'
CHAT_CAP = b'"max_completion_tokens":300,'
BIG = json.dumps(
    {"model": "gpt-5.4-mini", "max_tokens": 5, "messages": [{"role": "user", "content": "é\\\n" * 900_000}]}
)


@pytest.fixture(scope="module")
def observed(wired: Installation) -> str:
    """A key in observe mode: nothing but the model's name and the usage wish may change."""
    return wired.key("watcher", "support-chat")


def pass_through(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, body: bytes, *fields: str, path: str = CHAT
) -> tuple[Exchange, Answer]:
    """Send one request through and answer it; return what the provider received and the caller got."""
    with dial(wired.gateway_port) as caller:
        caller.sendall(request(wired_key, body, *fields, path=path))
        exchange = upstream.take()
        exchange.answer(b"{}")
        return exchange, read_answer(caller)


# Bodies that already ask for what the gateway wants: not one byte may change.
UNCHANGED = {
    "plain": b'{"model":"gpt-5.4-mini","max_tokens":9,"messages":[]}',
    "odd spacing": b' \r\n{ "messages" :\t[ ] ,\n"model"  :  "gpt-5.4-mini","max_tokens":9 }\n\n ',
    "key order": b'{"z":1,"max_completion_tokens":9,"a":2,"messages":[],"model":"gpt-5.4-mini","b":{"model":"x"}}',
    "duplicate keys": b'{"model":"gpt-5.4-mini","x":1,"x":2,"max_tokens":9,"messages":[1],"messages":[]}',
    "escapes": rb'{"model":"gpt-5.4-mini","max_tokens":9,"messages":[{"content":"\u00e9\/\ud83d\ude00\"}{"}]}',
    "numbers": b'{"model":"gpt-5.4-mini","max_tokens":9,"temperature":1.0E+0,"seed":12345678901234567890123,"p":-0.10}',
    "unknown fields": b'{"model":"gpt-5.4-mini","max_tokens":9,"messages":[],"new_in_2031":{"deep":[[{}]]},"":null}',
    "usage asked": b'{"model":"gpt-5.4-mini","max_tokens":9,"stream":true,"stream_options":{"include_usage":true}}',
    "5 MB": BIG.encode(),
    "5 MB of UTF-8": BIG.encode().replace(b"\\u00e9", "é".encode()),
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_a_body_that_needs_nothing_passes_byte_for_byte(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, name: str
) -> None:
    exchange, answer = pass_through(wired, upstream, wired_key, UNCHANGED[name])
    assert exchange.body == UNCHANGED[name]
    assert answer.status == 200


# What the caller writes -> what the provider reads: `inserted` stands behind the opening brace.
SPLICED: dict[str, tuple[str, bytes, bytes, bytes]] = {
    "model": (CHAT, b'{"model":"auto","max_tokens":9}', b'{"model":"' + MODEL + b'","max_tokens":9}', b""),
    "model, every copy": (
        CHAT,
        b'{ "model" : "small", "max_tokens":9, "model":"task:chat" }',
        b'{ "model" : "gpt-5.4-mini", "max_tokens":9, "model":"gpt-5.4-mini" }',
        b"",
    ),
    "model under an escape": (
        CHAT,
        rb'{"mod\u0065l":"auto","max_tokens":9}',
        rb'{"mod\u0065l":"gpt-5.4-mini","max_tokens":9}',
        b"",
    ),
    "no model": (CHAT, b'{"max_tokens":9}', b'{"max_tokens":9}', b'"model":"gpt-5.4-mini",'),
    "cap": (CHAT, b'\n{ "model":"gpt-5.4-mini"}', b'\n{ "model":"gpt-5.4-mini"}', CHAT_CAP),
    "cap of completions": (COMPLETIONS, b'{"model":"gpt-5.4-mini"}', b'{"model":"gpt-5.4-mini"}', b'"max_tokens":300,'),
    "cap of responses": (
        RESPONSES,
        b'{"model":"gpt-5.4-mini","input":"a"}',
        b'{"model":"gpt-5.4-mini","input":"a"}',
        b'"max_output_tokens":300,',
    ),
    "usage": (
        CHAT,
        b'{"model":"gpt-5.4-mini","max_tokens":9,"stream":true}',
        b'{"model":"gpt-5.4-mini","max_tokens":9,"stream":true}',
        USAGE,
    ),
    "usage refused": (
        CHAT,
        b'{"model":"gpt-5.4-mini","max_tokens":9,"stream":true,"stream_options":{"include_usage" : false,"x":1}}',
        b'{"model":"gpt-5.4-mini","max_tokens":9,"stream":true,"stream_options":{"include_usage" : true,"x":1}}',
        b"",
    ),
    "usage null": (
        CHAT,
        b'{"model":"gpt-5.4-mini","max_tokens":9,"stream":true,"stream_options": null}',
        b'{"model":"gpt-5.4-mini","max_tokens":9,"stream":true,"stream_options": {"include_usage":true}}',
        b"",
    ),
    "everything": (
        CHAT,
        b'{"stream":true,"model":"auto","u":1}',
        b'{"stream":true,"model":"gpt-5.4-mini","u":1}',
        CHAT_CAP + USAGE,
    ),
    "messages": (
        MESSAGES,
        b'{"model":"auto","max_tokens":9,"stream":true}',
        b'{"model":"claude-haiku-4-5","max_tokens":9,"stream":true}',
        b"",
    ),
    "embeddings": (
        EMBEDDINGS,
        b'{"input":"a", "model":"vectors"}',
        b'{"input":"a", "model":"text-embedding-3-small"}',
        b"",
    ),
}


@pytest.mark.parametrize("name", SPLICED)
def test_a_splice_touches_nothing_else(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, name: str
) -> None:
    path, sent, wanted, inserted = SPLICED[name]
    exchange, _ = pass_through(wired, upstream, wired_key, sent, path=path)
    front, brace, rest = wanted.partition(b"{")
    assert exchange.body == front + brace + inserted + rest


def test_observe_adds_no_cap(wired: Installation, upstream: RecordingUpstream, observed: str) -> None:
    body = b'{"model":"gpt-5.4-mini","messages":[]}'
    exchange, _ = pass_through(wired, upstream, observed, body)
    assert exchange.body == body


def test_any_order_and_spacing_survives(wired: Installation, upstream: RecordingUpstream, wired_key: str) -> None:
    chance = random.Random(7)
    for _ in range(40):
        members = [
            '"model":"auto"',
            '"max_tokens":9',
            '"messages":[{"content":"\\u0061 } \\" ,"}]',
            '"x":{"model":"auto"}',
        ]
        chance.shuffle(members)
        space = lambda: "".join(chance.choices(" \t\r\n", k=chance.randint(0, 3)))  # noqa: E731
        body = "{" + ",".join(f"{space()}{member}{space()}" for member in members) + "}" + space()
        exchange, _ = pass_through(wired, upstream, wired_key, body.encode())
        at_top = body.replace('"x":{"model":"auto"}', "@")
        wanted = at_top.replace('"model":"auto"', '"model":"gpt-5.4-mini"').replace("@", '"x":{"model":"auto"}')
        assert exchange.body == wanted.encode()


def test_headers_that_cross_and_those_that_must_not(
    wired: Installation, upstream: RecordingUpstream, wired_key: str
) -> None:
    fields = (
        *("x-api-key: pk-other", "api-key: pk-other", "connection: keep-alive, x-hop", "x-hop: 1", "te: trailers"),
        *("accept-encoding: gzip, br", "x-paceline-session: s1", "x-paceline-reason: why", "proxy-connection: close"),
        *(
            "OpenAI-Beta: assistants=v2",
            "x-custom: of no use there",
            "cookie: session=1",
            "x-sim-custom: Kept As It Is ",
            "user-agent: test/1",
            "accept: */*",
            "x-sim-twice: 1",
            "x-sim-twice: 2",
        ),
    )
    exchange, _ = pass_through(wired, upstream, wired_key, UNCHANGED["plain"], *fields)
    headers = exchange.headers
    own = {"host", "content-length", "authorization", "x-paceline-request-id"}
    kept = {"content-type", "openai-beta", "user-agent", "accept", "x-sim-custom", "x-sim-twice"}
    assert set(headers) - {"connection"} == own | kept
    assert [value for name, value in exchange.fields if name.lower() == "x-sim-twice"] == ["1", "2"]
    assert headers["x-sim-custom"] == "Kept As It Is"
    assert headers["host"] == upstream.url.removeprefix("http://")
    assert headers["content-length"] == str(len(UNCHANGED["plain"]))
    assert headers["authorization"] == "Bearer sk-provider-secret"
    assert wired_key not in str(exchange.fields)


@pytest.mark.parametrize("field", ["authorization: Bearer {}", "x-api-key: {}", "api-key: {}"])
def test_the_caller_s_key_is_swapped_for_the_provider_s(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, field: str
) -> None:
    body = b'{"model":"claude-haiku-4-5","max_tokens":9,"messages":[]}'
    lines = (f"POST {MESSAGES}?beta=true HTTP/1.1", "host: g", field.format(wired_key), "anthropic-version: 2023-06-01")
    head = "\r\n".join([*lines, ""])
    with dial(wired.gateway_port) as caller:
        caller.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        exchange = upstream.take()
        exchange.answer(b"{}")
        assert read_answer(caller).status == 200
    assert exchange.headers["x-api-key"] == "sk-provider-secret"
    assert exchange.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in exchange.headers
    assert wired_key not in str(exchange.fields)


@pytest.mark.parametrize("path", [f"{MESSAGES}?beta=true", f"/t/helpdesk/support-chat{MESSAGES}?a=%20b&a=2", MESSAGES])
def test_the_query_string_is_kept_and_the_tag_dropped(
    wired: Installation, upstream: RecordingUpstream, wired_key: str, path: str
) -> None:
    exchange, _ = pass_through(wired, upstream, wired_key, b'{"model":"claude-haiku-4-5","max_tokens":9}', path=path)
    assert exchange.target == MESSAGES + path.partition(MESSAGES)[2]
