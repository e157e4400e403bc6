"""HTTP/2 on the plain port by prior knowledge: the same refusals, and a breach ends its connection only."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess

import pytest
from tests.integration.bad_input import CANARY, require_alive, require_silence
from tests.integration.installation import PATIENCE_S, Installation
from tests.integration.raw_client import CHAT, asking, dial, exchange

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, WINDOW = 0, 1, 3, 4, 6, 8
END_STREAM, END_HEADERS = 1, 4
SOUND = json.dumps(asking(CANARY)).encode()


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write one frame."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def fields(key: str, *more: tuple[str, str], method: str = "POST") -> bytes:
    """Write a request's fields as literals."""
    pseudo = ((":method", method), (":path", CHAT), (":scheme", "http"), (":authority", "gateway"))
    pairs = [*pseudo, ("authorization", f"Bearer {key}"), *more]
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in pairs
    )


def frames(sent: bytes, port: int, last: int) -> list[tuple[int, int, bytes]]:
    """Send, and read (kind, flags, payload) of each frame up to the first of the kind `last`."""
    found: list[tuple[int, int, bytes]] = []
    with dial(port) as connection, connection.makefile("rb") as reader:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + sent)
        while len(start := reader.read(9)) == 9:
            found.append((start[3], start[4], reader.read(int.from_bytes(start[:3]))))
            if found[-1][0] == last:
                break
    return found


@pytest.fixture(autouse=True)
def _lives(strict: Installation, strict_key: str) -> object:
    yield
    require_alive(strict, strict_key)


def test_a_body_over_the_bound_is_answered_before_its_stream_is_reset(strict: Installation, strict_key: str) -> None:
    head = frame(HEADERS, END_HEADERS, 1, fields(strict_key, ("content-length", "9000")))
    got = frames(head + frame(DATA, 0, 1, b"x" * 4000), strict.gateway_port, RESET)
    answer = [one for one in got if one[0] in {HEADERS, DATA, RESET}]
    assert [kind for kind, _, _ in answer] == [HEADERS, DATA, RESET]
    assert answer[1][1] & END_STREAM
    assert b"paceline G302" in answer[1][2]
    assert int.from_bytes(answer[2][2]) == 0, "no error: the answer stands"


def test_a_body_that_disagrees_with_its_length_or_never_ends(strict: Installation, strict_key: str) -> None:
    head = frame(HEADERS, END_HEADERS, 1, fields(strict_key, ("content-length", "10")))
    got = frames(head + frame(DATA, END_STREAM, 1, SOUND), strict.gateway_port, RESET)
    assert got[-1][0] == RESET
    got = frames(head + frame(DATA, 0, 1, b"{"), strict.gateway_port, DATA)
    assert b"paceline G308" in got[-1][2]


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        CANARY.encode() * 40,
        frame(SETTINGS, 0, 0) + b"\xff" * 200,
        frame(SETTINGS, 0, 0, b"\x00\x04\xff\xff\xff\xff"),
        frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1),
        frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 2, b"\x82"),
        frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, b"\x00" * 16384),
        frame(SETTINGS, 0, 0) + frame(DATA, 0, 1, CANARY.encode()),
        frame(SETTINGS, 0, 0) + frame(WINDOW, 0, 0, b"\x00\x00\x00\x00"),
        frame(SETTINGS, 0, 0) + frame(PING, 0, 0, b"\x00" * 7),
        frame(SETTINGS, 0, 0) + (frame(HEADERS, END_HEADERS, 1, b"\x82") + frame(RESET, 0, 1, b"\0\0\0\x08")) * 50,
    ],
)
def test_what_breaks_the_rules_ends_its_connection_only(strict: Installation, rest: bytes) -> None:
    exchange(strict.gateway_port, PREFACE + rest, end=True)


def test_streams_opened_and_reset_by_the_hundred(strict: Installation, strict_key: str) -> None:
    head = fields(strict_key)
    opened = (
        frame(HEADERS, END_HEADERS, 2 * n + 1, head) + frame(RESET, 0, 2 * n + 1, b"\0\0\0\x08") for n in range(500)
    )
    with dial(strict.gateway_port) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + b"".join(opened))
        while connection.recv(65536):
            pass


@pytest.mark.skipif(not shutil.which("curl"), reason="needs the curl program")
def test_refusals_are_the_same_as_over_http_1(strict: Installation, strict_key: str) -> None:
    def curl(*options: str, body: bytes = SOUND) -> tuple[str, bytes]:
        command = ["curl", "-s", "--max-time", str(PATIENCE_S), "--http2-prior-knowledge", *options]
        command += ["-w", "\n%{http_version} %{http_code}", "-H", f"authorization: Bearer {strict_key}"]
        url = f"http://127.0.0.1:{strict.gateway_port}{CHAT}"
        told = subprocess.run([*command, "--data-binary", "@-", url], check=False, capture_output=True, input=body)
        answer, _, last = told.stdout.rpartition(b"\n")
        return last.decode(), answer

    assert curl()[0] == "2 200"
    for body, code in ((b"", b"G303"), (b"[]", b"G301"), (b'{"model": 5}', b"G304")):
        last, answer = curl(body=body)
        assert last == "2 400"
        assert code in answer
    assert curl("-H", "x-note: " + CANARY * 2000)[0].split()[1] in {"431", "000"}


def test_nothing_of_it_was_written_down(strict: Installation, strict_key: str) -> None:
    require_silence(strict, strict_key)
