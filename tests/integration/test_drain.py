"""SIGTERM: what runs finishes, what is new is turned away with a reason, and the process leaves with 0."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.installation import PATIENCE_S, Installation, installation, until
from tests.integration.ledger_rows import row
from tests.integration.raw_client import Stream, asking, dial, head, read_answer, request

SLOW = "x-sim-fault: stall=1200@2"
"""A pause in the middle of the answer that outlasts what a test does meanwhile."""
ENDLESS = "x-sim-fault: stall=600000@2"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Installation]:
    """An installation that runs."""
    with installation(tmp_path) as made:
        yield made


def tell(at: Installation) -> None:
    """Send the gateway SIGTERM and wait until it drains."""
    at.processes["gateway"].send_signal(signal.SIGTERM)
    until(lambda: "draining: finishing" in at.log("gateway"), "the gateway to drain")


def leaves(at: Installation) -> int:
    """Wait for the gateway to end and return its exit code."""
    return at.processes.pop("gateway").wait(PATIENCE_S)


def is_refused(at: Installation) -> bool:
    """True when nobody listens at the gateway's address."""
    try:
        dial(at.gateway_port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_running_answers_finish_and_new_requests_are_turned_away(at: Installation) -> None:
    key = at.key()
    idle = http.client.HTTPConnection("127.0.0.1", at.gateway_port, timeout=PATIENCE_S)
    idle.connect()
    idle.sock.sendall(request(key, asking()))
    assert read_answer(idle.sock).status == 200
    body = b'{"model":"auto","messages":[{"role":"user","content":"half"}]}'
    half_body = dial(at.gateway_port)
    half_body.sendall(request(key, body)[:-20])
    half_heads = [dial(at.gateway_port) for _ in range(8)]
    for connection in half_heads:
        connection.sendall(request(key, body)[:40])
    streams = [Stream(at.gateway_port, key, SLOW, "x-sim-output-tokens: 30") for _ in range(6)]
    for stream in streams:
        stream.read_until(b'"content":"')

    tell(at)
    until(lambda: is_refused(at), "new connections to be refused")
    gone(idle.sock, request(key, asking()))
    statuses = {turned_away(connection, request(key, body)[40:]) for connection in half_heads}
    assert 503 in statuses, "who had begun to ask is told"
    half_body.sendall(body[-20:])
    finished = read_answer(half_body)
    for stream in streams:
        stream.read_rest()
        assert stream.is_whole
        assert stream.tokens == 30
    assert leaves(at) == 0
    for stream in streams:
        assert row(at, stream.id)["outcome"] == "ok"
    # Its head was there before the signal: it is one of those that finish.
    assert finished.status == 200
    assert row(at, finished.headers["x-paceline-request-id"])["outcome"] == "ok"
    for connection in (idle, half_body):
        connection.close()


def turned_away(connection: socket.socket, sent: bytes) -> int:
    """Require a clear refusal or, where the gateway had read nothing yet, a closed connection; return the status."""
    with connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        answer = read_answer(connection)
    if answer.status:
        assert (answer.status, answer.code, answer.headers["connection"]) == (503, "G501", "close")
        assert answer.headers["retry-after"]
    return answer.status


def gone(connection: socket.socket, sent: bytes) -> None:
    """Require that an idle connection was closed: its caller's SDK sends again elsewhere."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(sent)
    assert read_answer(connection).status == 0


def test_a_second_signal_stops_at_once_and_the_cut_streams_are_on_record(at: Installation) -> None:
    key = at.key()
    streams = [Stream(at.gateway_port, key, ENDLESS) for _ in range(4)]
    waiting = dial(at.gateway_port)
    waiting.sendall(request(key, asking(), "x-sim-fault: delay=600000"))
    for stream in streams:
        stream.read_until(b'"content":"')
    until(lambda: at.link.status()["in_flight"] == 5, "the waiting request to be in flight")
    tell(at)
    assert at.processes["gateway"].poll() is None, "streams hold the first signal up"
    at.processes["gateway"].send_signal(signal.SIGTERM)
    assert leaves(at) == 0
    for stream in streams:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            stream.read_rest()
        assert not stream.is_whole
        found = row(at, stream.id)
        assert found["outcome"] == "cancelled"
        assert found["token_source"] == "estimated"
        stream.connection.close()
    assert read_answer(waiting).status == 0
    waiting.close()


def test_the_drain_limit_of_the_standards_cuts_what_does_not_end(tmp_path: Path) -> None:
    with installation(tmp_path, "sim", "control", extra="gateway: {drain: 300ms}\n") as at:
        until(at.data.plan.exists, "the first plan")
        at.start("gateway")
        stream = Stream(at.gateway_port, at.key(), ENDLESS)
        stream.read_until(b'"content":"')
        tell(at)
        assert leaves(at) == 0
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            stream.read_rest()
        stream.connection.close()
        assert row(at, stream.id)["outcome"] == "cancelled"


def test_ready_turns_before_health_does_while_draining(at: Installation) -> None:
    key = at.key()
    connection = dial(at.gateway_port)
    connection.sendall(head("/readyz", method="GET")[:10])
    stream = Stream(at.gateway_port, key, SLOW)
    stream.read_until(b'"content":"')
    at.link.drain()
    assert at.link.status()["draining"] is True
    until(lambda: is_refused(at), "new connections to be refused")
    connection.sendall(head("/readyz", method="GET")[10:])
    assert read_answer(connection, "GET").status in {0, 503}
    connection.close()
    stream.read_rest()
    assert stream.is_whole
    assert leaves(at) == 0
