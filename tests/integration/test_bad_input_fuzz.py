"""Random bytes and mutated requests against the running gateway: a refusal, an answer or a close, and it lives."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.bad_input import require_alive
from tests.integration.installation import Installation
from tests.integration.raw_client import CHAT, MESSAGES, asking, head, request, statuses

BOUNDED = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# The simulated provider says what it is asked to; a mutated cap must not make it talk for hours.
SHORT = "x-sim-output-tokens: 3"
SEED = json.dumps(asking("hello", stream=False, n=1, stop=["a", None], tools=[], metadata={"a": {"b": 1.5e3}})).encode()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("model", "stream", "max_tokens", "max_completion_tokens", "stream_options", "n", "messages", "tools", "x")


@st.composite
def mutations(draw: st.DrawFn, seed: bytes) -> bytes:
    """Return the seed after a few cuts, doublings, insertions and flipped bytes."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        at, to = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        match draw(st.sampled_from(("cut", "double", "insert", "flip"))):
            case "cut":
                del data[at:to]
            case "double":
                data[at:at] = data[at:to]
            case "insert":
                data[at:at] = draw(
                    st.binary(max_size=12) | st.sampled_from((b"{", b"]", b'"', b"\\u00", b"\r\n", b"0"))
                )
            case "flip" if at < len(data):
                data[at] ^= draw(st.integers(1, 255))
    return bytes(data)


def require_sense(at: Installation, sent: bytes) -> None:
    """Require that every response to these bytes is a 200 or a 4xx, or that there is none."""
    for status in statuses(at.gateway_port, sent):
        assert status in {100, 200} or 400 <= status < 500, status
    assert at.processes["gateway"].poll() is None


@BOUNDED
@given(sent=st.binary(max_size=400))
def test_random_bytes(strict: Installation, sent: bytes) -> None:
    require_sense(strict, sent)


@BOUNDED
@given(data=st.data(), path=st.sampled_from((CHAT, MESSAGES, "/v1/responses", "/v1/embeddings")))
def test_mutated_bodies(strict: Installation, strict_key: str, data: st.DataObject, path: str) -> None:
    require_sense(strict, request(strict_key, data.draw(mutations(SEED)), SHORT, path=path))


@BOUNDED
@given(body=st.dictionaries(st.sampled_from(FIELDS), json_values), path=st.sampled_from((CHAT, MESSAGES)))
def test_json_of_any_types(strict: Installation, strict_key: str, body: dict[str, Any], path: str) -> None:
    require_sense(strict, request(strict_key, {"model": "auto", **body}, SHORT, path=path))


@BOUNDED
@given(data=st.data())
def test_mutated_heads(strict: Installation, strict_key: str, data: st.DataObject) -> None:
    sound = head(CHAT, SHORT, f"authorization: Bearer {strict_key}", f"content-length: {len(SEED)}")
    require_sense(strict, data.draw(mutations(sound)) + SEED)


@BOUNDED
@given(data=st.data())
def test_mutated_chunks(strict: Installation, strict_key: str, data: st.DataObject) -> None:
    fields = head(CHAT, SHORT, f"authorization: Bearer {strict_key}", "transfer-encoding: chunked")
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(SEED[at : at + 40]), SEED[at : at + 40]) for at in range(0, len(SEED), 40))
    require_sense(strict, fields + data.draw(mutations(pieces + b"0\r\n\r\n")))


def test_it_lives_on(strict: Installation, strict_key: str) -> None:
    require_alive(strict, strict_key)
