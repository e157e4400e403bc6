"""Heads that are none, and those two parsers could read differently: one refusal, then the connection closes."""

from __future__ import annotations

import json

import pytest
from tests.integration.bad_input import CANARY, everything, require_alive, require_refusal, require_silence
from tests.integration.installation import Installation
from tests.integration.raw_client import CHAT, asking, exchange, head, request

SOUND = json.dumps(asking(CANARY)).encode()
# Behind each bad head: what a parser that reads its end elsewhere would take for a request.
SMUGGLED = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n"
CHUNKED = "transfer-encoding: chunked"

HEADS = {
    "a length and a coding": head(CHAT, "content-length: 5", CHUNKED),
    "a coding and a length": head(CHAT, CHUNKED, "content-length: 5"),
    "two lengths": head(CHAT, "content-length: 5", "content-length: 6"),
    "two lengths in one": head(CHAT, "content-length: 5, 6"),
    "a signed length": head(CHAT, "content-length: +5"),
    "a negative length": head(CHAT, "content-length: -5"),
    "a length in words": head(CHAT, "content-length: five"),
    "an empty length": head(CHAT, "content-length:"),
    "a length past all counting": head(CHAT, "content-length: 99999999999999999999999"),
    "a coding behind chunked": head(CHAT, "transfer-encoding: chunked, identity"),
    "an unknown coding": head(CHAT, "transfer-encoding: xchunked"),
    "a coding in two lines": head(CHAT, CHUNKED, "transfer-encoding: identity"),
    "a folded line": head(CHAT, "x-note: a\r\n b"),
    "a folded coding": head(CHAT, "x-note: a\r\n transfer-encoding: chunked", "content-length: 5"),
    "bare line feeds": head(CHAT, "content-length: 5").replace(b"\r\n", b"\n"),
    "one bare line feed": head(CHAT, "x-note: a\ncontent-length: 5"),
    "a blank before the colon": head(CHAT, "content-length : 5"),
    "a blank name": head(CHAT, " content-length: 5"),
    "no name": head(CHAT, ": 5"),
    "a NUL in a value": head(CHAT, "x-note: a\x00b"),
    "a carriage return in a value": head(CHAT, "x-note: a\rb"),
    "a blank in the target": head(CHAT + " x"),
    "no version": b"POST /v1/chat/completions\r\n\r\n",
    "another version": head(CHAT, version="HTTP/3.0"),
    "a number for a method": head(CHAT, method="PO ST"),
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + CANARY.encode() + b"\r\n\r\n",
}


@pytest.fixture(autouse=True)
def _lives(strict: Installation, strict_key: str) -> object:
    yield
    require_alive(strict, strict_key)


@pytest.mark.parametrize("name", HEADS)
def test_heads_that_are_refused(strict: Installation, strict_key: str, name: str) -> None:
    key = f"authorization: Bearer {strict_key}\r\nx-secret: {CANARY}\r\nhost:".encode()
    sent = HEADS[name].replace(b"host:", key, 1) + SMUGGLED
    told = everything(strict.gateway_port, sent)
    assert told.startswith(b"HTTP/1.1 400 "), told
    assert told.count(b"HTTP/1.1 ") == 1, told
    assert b"paceline G305" in told
    assert b"connection: close" in told
    assert CANARY.encode() not in told


def test_heads_over_their_bounds(strict: Installation) -> None:
    port = strict.gateway_port
    many = [f"x-{number}: 1" for number in range(20_000)]
    for sent, statuses in (
        (head(CHAT, *many), {431}),
        (head(CHAT, *many[:65]), {431}),
        (head(CHAT, "x-note: " + CANARY * 5000), {431}),
        (head(CHAT, "x-" + "n" * 40_000 + ": 1"), {431}),
        (head("/" + CANARY * 1200), {404, 414, 431}),
        (head("/" + CANARY * 20_000), {414, 431}),
    ):
        answer = exchange(port, sent)
        assert answer.status in statuses, (sent[:60], answer)
        require_refusal(answer, answer.status, "G306" if answer.status == 404 else "G305")
        assert answer.headers["connection"] == "close"


def test_a_head_that_never_ends_is_given_up(strict: Installation) -> None:
    for sent in (b"", b"P", head(CHAT)[:-2], head(CHAT, f"x-note: {CANARY}")[:-4]):
        told = everything(strict.gateway_port, sent)
        assert told == b"" or told.startswith(b"HTTP/1.1 408 "), told
        assert told or not sent, "who began a request is told why it ends"


def test_two_lengths_that_agree_are_one(strict: Installation, strict_key: str) -> None:
    length = f"content-length: {len(SOUND)}"
    answer = exchange(strict.gateway_port, request(strict_key, SOUND, length))
    assert answer.status in {200, 400}


def test_http_1_0(strict: Installation, strict_key: str) -> None:
    key = f"authorization: Bearer {strict_key}"
    sent = head(CHAT, key, f"content-length: {len(SOUND)}", version="HTTP/1.0") + SOUND
    told = everything(strict.gateway_port, sent)
    assert told.startswith((b"HTTP/1.0 200 ", b"HTTP/1.1 200 "))
    assert b"chunked" not in told.lower()
    body = json.dumps(asking(CANARY, stream=True)).encode()
    told = everything(strict.gateway_port, head(CHAT, key, f"content-length: {len(body)}", version="HTTP/1.0") + body)
    assert told.endswith(b"data: [DONE]\n\n")
    assert b"chunked" not in told.lower()
    told = everything(strict.gateway_port, head(CHAT, key, CHUNKED, version="HTTP/1.0") + SMUGGLED)
    assert told.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert told.count(b"HTTP/1.") == 1


def test_a_proxy_s_requests_are_not_served(strict: Installation, strict_key: str) -> None:
    key = f"authorization: Bearer {strict_key}"
    for sent in (head("gateway:443", key, method="CONNECT"), head(f"http://elsewhere/{CANARY}", key, method="GET")):
        answer = exchange(strict.gateway_port, sent)
        assert 400 <= answer.status < 500, answer
    upgrade = head(CHAT, key, "connection: upgrade", "upgrade: websocket", f"content-length: {len(SOUND)}")
    assert exchange(strict.gateway_port, upgrade + SOUND).status == 200


def test_nothing_of_it_was_written_down(strict: Installation, strict_key: str) -> None:
    require_silence(strict, strict_key)
