"""What every test of bad input requires: a clear refusal in the caller's dialect, a gateway that lives, and silence.

The canary stands in every body, in headers and in keys that are sent; it must be in no file the gateway leaves.
"""

from __future__ import annotations

import contextlib

from tests.integration.installation import Installation
from tests.integration.ledger_rows import rows
from tests.integration.raw_client import CHAT, MESSAGES, Answer, asking, dial, exchange, request

CANARY = "canary-7f3a9c51"
DIALECTS = (CHAT, MESSAGES)


def require_refusal(answer: Answer, status: int, code: str, path: str = CHAT) -> None:
    """Require a refusal with this status and code, in the dialect of the path."""
    assert (answer.status, answer.code) == (status, code), answer
    assert answer.headers["content-type"] == "application/json"
    document = answer.document
    assert document["error"]["message"]
    assert document["error"]["type"]
    assert f"paceline {code}" in document["error"]["message"]
    if path == MESSAGES:
        assert document["type"] == "error"
    elif code != "G305":
        assert set(document) == {"error"}
        assert document["error"]["code"]
    assert CANARY.encode() not in answer.body


def require_alive(at: Installation, key: str) -> None:
    """Require that the gateway still runs, still answers, and never panicked."""
    assert at.processes["gateway"].poll() is None
    assert exchange(at.gateway_port, request(key, asking())).status == 200
    assert "panicked" not in at.log("gateway")


def require_silence(at: Installation, *secrets: str) -> None:
    """Require that no file an installation leaves holds the canary or one of these keys."""
    assert rows(at), "the ledger holds requests"
    files = [path for path in at.data.path.rglob("*") if path.is_file()]
    files += [at.directory / f"{name}.log" for name in ("gateway", "control")]
    names = {path.name for path in files}
    assert {"gateway.log", "ledger.db", "in-flight.map", "plan.json"} <= names
    for path in files:
        content = path.read_bytes()
        for secret in (CANARY, "sk-provider-secret", *secrets):
            assert secret.encode() not in content, f"{path.name} holds what it must not"


def everything(port: int, sent: bytes) -> bytes:
    """Send, and read until the gateway closes."""
    told = b""
    with dial(port) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(sent)
        while piece := connection.recv(65536):
            told += piece
    return told
