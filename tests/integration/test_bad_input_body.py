"""Bodies, routes and keys that are no requests: refused with status and code, in the caller's dialect."""

from __future__ import annotations

import gzip
import json
import socket

import pytest
from tests.integration.bad_input import CANARY, DIALECTS, require_alive, require_refusal, require_silence
from tests.integration.installation import Installation
from tests.integration.raw_client import CHAT, MESSAGES, asking, dial, exchange, head, read_answer, request

SOUND = json.dumps(asking(CANARY)).encode()
NOTE = f"x-note: {CANARY}"

BODIES = {
    "no JSON": (b"hello " + CANARY.encode(), 400, "G301"),
    "truncated": (SOUND[:-5], 400, "G301"),
    "truncated in a string": (SOUND[: SOUND.index(b"canary") + 9], 400, "G301"),
    "garbage behind": (SOUND + b"}", 400, "G301"),
    "two objects": (SOUND + SOUND, 400, "G301"),
    "an array": (b"[" + SOUND + b"]", 400, "G301"),
    "a string": (json.dumps(CANARY).encode(), 400, "G301"),
    "a number": (b"5", 400, "G301"),
    "empty": (b"", 400, "G303"),
    "only blanks": (b" \r\n\t ", 400, "G303"),
    "not UTF-8": (SOUND.replace(b"canary", b"\xff\xfe\x80"), 400, "G301"),
    "UTF-16": (SOUND.decode().encode("utf-16"), 400, "G301"),
    "deep": (b'{"model":"auto","x":' + b"[" * 3000 + b"]" * 3000 + b"}", 400, "G301"),
    "deep and open": (b'{"x":' * 1500, 400, "G301"),
    "model: a number": (json.dumps(asking(CANARY, model=5)).encode(), 400, "G304"),
    "model: an object": (json.dumps(asking(CANARY, model={"name": CANARY})).encode(), 400, "G304"),
    "stream: a string": (json.dumps(asking(CANARY, stream="yes")).encode(), 400, "G304"),
    "max_tokens: a string": (json.dumps(asking(CANARY, max_tokens="many")).encode(), 400, "G304"),
    "max_tokens: a list": (json.dumps(asking(CANARY, max_tokens=[8])).encode(), 400, "G304"),
    "over the bound": (json.dumps(asking(CANARY * 1000)).encode(), 413, "G302"),
}


@pytest.fixture(autouse=True)
def _lives(strict: Installation, strict_key: str) -> object:
    yield
    require_alive(strict, strict_key)


@pytest.mark.parametrize("path", DIALECTS)
@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_are_no_requests(strict: Installation, strict_key: str, name: str, path: str) -> None:
    body, status, code = BODIES[name]
    answer = exchange(strict.gateway_port, request(strict_key, body, NOTE, path=path))
    require_refusal(answer, status, code, path)


@pytest.mark.parametrize(("path", "model"), [(CHAT, "small"), (MESSAGES, "claude")])
def test_what_only_the_provider_judges_is_its_4xx(strict: Installation, strict_key: str, path: str, model: str) -> None:
    cap = {"model": model, "max_tokens": 8}
    bodies = [asking(CANARY, max_tokens=-1, model=model), cap, {**cap, "messages": CANARY}]
    sent = [json.dumps(body).encode() for body in bodies]
    sent.append(json.dumps(asking("NUL", model=model)).encode().replace(b"NUL", b"\x00"))
    for body in sent:
        answer = exchange(strict.gateway_port, request(strict_key, body, path=path))
        assert answer.status in {400, 422}, (body, answer)
        assert answer.headers["x-paceline-deployment"]
        assert answer.document["error"]["type"] == "invalid_request_error"


def chunked(key: str, *pieces: bytes, path: str = CHAT) -> bytes:
    """Write a request whose body comes in these raw pieces."""
    return head(path, f"authorization: Bearer {key}", "transfer-encoding: chunked", NOTE) + b"".join(pieces)


@pytest.mark.parametrize("path", DIALECTS)
def test_chunked_bodies(strict: Installation, strict_key: str, path: str) -> None:
    port = strict.gateway_port
    whole = b"%x\r\n%s\r\n" % (len(SOUND), SOUND)
    assert exchange(port, chunked(strict_key, whole, b"0\r\n\r\n")).status == 200
    large = b"1000\r\n" + CANARY.encode().ljust(4096) + b"\r\n"
    require_refusal(exchange(port, chunked(strict_key, *[large] * 4, path=path)), 413, "G302", path)
    for size in (b"zz", b"-5", b"0x5", b"", b"ffffffffffffffffff", b"5 5", b"+5"):
        broken = chunked(strict_key, size + b"\r\n" + SOUND + b"\r\n0\r\n\r\n", path=path)
        require_refusal(exchange(port, broken), 400, "G301", path)
    for broken in (whole[:-2] + b"xx" + whole[:-2], b"4\r\n" + SOUND + b"\r\n0\r\n\r\n"):
        require_refusal(exchange(port, chunked(strict_key, broken, path=path)), 400, "G301", path)
    require_refusal(exchange(port, chunked(strict_key, whole, path=path), end=True), 400, "G309", path)


@pytest.mark.parametrize("path", DIALECTS)
def test_a_body_cut_short_or_too_slow(strict: Installation, strict_key: str, path: str) -> None:
    sent = request(strict_key, SOUND, NOTE, path=path)[:-20]
    require_refusal(exchange(strict.gateway_port, sent, end=True), 400, "G309", path)
    slow = exchange(strict.gateway_port, sent)
    require_refusal(slow, 408, "G308", path)
    assert slow.headers["retry-after"]
    slow = exchange(strict.gateway_port, chunked(strict_key, b"5\r\n{", path=path))
    require_refusal(slow, 408, "G308", path)


@pytest.mark.parametrize("path", DIALECTS)
def test_a_compressed_body_is_not_guessed_at(strict: Installation, strict_key: str, path: str) -> None:
    for coding, body in (("gzip", gzip.compress(SOUND)), ("br", SOUND), ("identity, gzip", SOUND)):
        sent = request(strict_key, body, f"content-encoding: {coding}", path=path)
        require_refusal(exchange(strict.gateway_port, sent), 415, "G310", path)
    assert exchange(strict.gateway_port, request(strict_key, SOUND, "content-encoding: identity")).status == 200


def test_methods_routes_and_keys(strict: Installation) -> None:
    port = strict.gateway_port
    for path in DIALECTS:
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            require_refusal(exchange(port, head(path, NOTE, method=method)), 405, "G307", path)
        for field in ("x-none: 0", f"authorization: Bearer pk-{CANARY}", f"x-api-key: {CANARY}", "x-api-key: \xff"):
            answer = exchange(port, head(path, field, "content-length: 2") + b"{}")
            require_refusal(answer, 401, "G101" if field == "x-none: 0" else "G102", path)
    for path in ("/", f"/v1/{CANARY}", "/v1/../v1/chat", "/%2e%2e/etc", "/v1/chat/completions/", "*"):
        require_refusal(exchange(port, head(path)), 404, "G306", CHAT)
    require_refusal(exchange(port, head(f"{MESSAGES}/{CANARY}")), 404, "G306", MESSAGES)


def test_expect_100_continue(strict: Installation, strict_key: str) -> None:
    fields = (f"authorization: Bearer {strict_key}", "expect: 100-continue")
    with dial(strict.gateway_port) as connection:
        connection.sendall(head(CHAT, f"content-length: {len(SOUND)}", *fields))
        assert connection.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(SOUND)
        assert read_answer(connection).status == 200
    with dial(strict.gateway_port) as connection:
        connection.sendall(head(CHAT, "content-length: 99999", *fields))
        assert connection.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) == b"HTTP/1.1 413"
        require_refusal(read_answer(connection), 413, "G302")


def test_nothing_of_it_was_written_down(strict: Installation, strict_key: str) -> None:
    require_silence(strict, strict_key)
