"""A Valkey or Redis that gateways share, killed, frozen and started again under load: no request fails."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from tests.integration.installation import PATIENCE_S, Installation, free_port, installation, until
from tests.integration.ledger_rows import rows
from tests.integration.metered import CHAT, SIM, STANDARDS

# Memory keeps next to nothing: hits are the shared store's.
EXTRA = "traffic: {{cache: {{bytes_max: 1, url: env:TEST_CACHE_URL, wait: 5ms}}}}\n"
CACHED = STANDARDS.replace("hasty: {{class: chat,", "hasty: {{class: chat, cache: 1h,").replace("{extra}", EXTRA)
CALLERS, QUESTIONS = 4, 30


class Server:
    """The server program on one port, to be killed, frozen and started."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        program = os.environ["PACELINE_TEST_VALKEY"]
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [program, *options, "--dir", str(self._directory)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._answers, "the server to answer")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; after SIGKILL it is reaped."""
        assert self._process is not None
        self._process.send_signal(number)
        if number is signal.SIGKILL:
            self._process.wait(PATIENCE_S)

    def mend(self) -> None:
        """Let it go on if it is frozen, start it if it is gone."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
        else:
            self.start()

    def end(self) -> None:
        """Kill it if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGKILL)

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")


@dataclass
class Phase:
    """What callers saw while the server was in one state."""

    name: str
    requests: int = 0
    hits: int = 0
    failed: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0


class Load:
    """Callers who ask the same few questions again and again, without a pause, until left."""

    def __init__(self, at: Installation, key: str) -> None:
        self._at, self._key = at, key
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.phases = [Phase("warm")]
        self._threads = [threading.Thread(target=self._call, args=(seed,), daemon=True) for seed in range(CALLERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def enter(self, name: str) -> Phase:
        """Begin a phase."""
        with self._lock:
            self.phases.append(Phase(name))
            return self.phases[-1]

    def wait_for(self, requests: int = 0, hits: int = 0) -> None:
        """Wait until the phase has seen that many."""
        phase = self.phases[-1]
        until(lambda: phase.requests >= requests and phase.hits >= hits, f"{requests} requests, {hits} hits")

    def _call(self, seed: int) -> None:
        chance = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", self._at.gateway_port, timeout=PATIENCE_S)
        while not self._stop.is_set():
            phase, began = self.phases[-1], time.perf_counter()
            fault, hit = self._ask(connection, chance)
            took_ms = 1000 * (time.perf_counter() - began)
            with self._lock:
                phase.requests += 1
                phase.hits += hit
                phase.failed += [fault] if fault else []
                phase.slowest_ms = max(phase.slowest_ms, took_ms)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, chance: random.Random) -> tuple[str, bool]:
        """Ask one question; return what went wrong, and whether the answer was a kept one."""
        streamed = chance.random() < 0.5
        question = [{"role": "user", "content": f"Question {chance.randrange(QUESTIONS)}?"}]
        body = {"model": "auto", "temperature": 0, "max_tokens": 40, "stream": streamed, "messages": question}
        fields = {"authorization": f"Bearer {self._key}", "x-sim-output-tokens": "16"}
        try:
            connection.request("POST", CHAT, json.dumps(body), fields)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return repr(error), False
        if response.status != 200 or (streamed and not answer.endswith(b"data: [DONE]\n\n")):
            return f"{response.status} {answer[-200:]!r}", False
        return "", response.headers["x-paceline-cache"] == "hit"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that runs."""
    made = Server(tmp_path)
    made.start()
    yield made
    made.end()


def store(at: Installation) -> dict[str, Any]:
    """Return what the gateway says of the shared store."""
    return dict(at.link.status()["cache"]["shared_store"])


def closed(at: Installation) -> bool:
    """True while requests ask the shared store."""
    return not store(at)["open"]


def wait_for_hits(at: Installation, wanted: int) -> None:
    """Wait until the shared store has served that many answers."""
    until(lambda: store(at)["hits"] >= wanted, "the shared store's hits to come back")


def outcomes(at: Installation) -> list[str]:
    """Return the outcomes of the calls in the ledger."""
    return [row["outcome"] for row in rows(at).values() if row["api"] == "chat"]


@pytest.mark.valkey
def test_a_server_killed_frozen_and_started_again_under_load_fails_no_request(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EXTRA in CACHED
    monkeypatch.setenv("TEST_CACHE_URL", server.url)
    with installation(tmp_path, standards_text=CACHED, sim_options=SIM) as at:
        key = at.key("hurry", "hasty")
        with Load(at, key) as load:
            until(lambda: closed(at), "the gateway to reach the server")
            load.enter("well")
            load.wait_for(requests=500, hits=200)
            for name, harm in (("killed", signal.SIGKILL), ("frozen", signal.SIGSTOP)):
                load.enter(name)
                server.signal(harm)
                until(lambda: not closed(at), "the gateway to notice")
                load.wait_for(requests=300)
                wanted = store(at)["hits"] + 100
                load.enter(f"{name}, then back")
                server.mend()
                until(lambda: closed(at), "the gateway to be back")
                wait_for_hits(at, wanted)
        shown = store(at)
        usual_ms = load.phases[1].slowest_ms
        for phase in load.phases:
            print(
                f"{phase.name:>18}: {phase.requests} requests, {len(phase.failed)} failed, {phase.hits} hits, "
                f"slowest {phase.slowest_ms:.1f} ms ({phase.slowest_ms - usual_ms:+.1f} ms)"
            )
        print(f"{'shared store':>18}: {shown}")
        assert [fault for phase in load.phases for fault in phase.failed] == []
        assert shown["timeouts"] + shown["faults"] > 0
        total = sum(phase.requests for phase in load.phases)
        until(lambda: len(outcomes(at)) >= total, "every request in the ledger")
        assert set(outcomes(at)) == {"ok"}
        assert len(outcomes(at)) == total
        at.stop()
