"""Steady load that keeps an account: which answers arrived whole, which requests broke, under which ids.

Owns a few threads with a kept-alive connection each. A refused connection is waited out and is no request; every
other fault is one that broke.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
from types import TracebackType
from typing import Self

from tests.integration.installation import PATIENCE_S, until
from tests.integration.raw_client import CHAT

# Some answers take long enough to be in flight at any moment.
PACES = ("", "", "", "delay=15", "stall=25@3", "trickle=60/2")


class Load:
    """Calls a gateway from `callers` threads until left."""

    def __init__(self, port: int, key: str, callers: int = 8) -> None:
        self._address = ("127.0.0.1", port)
        self._key = key
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.delivered: list[str] = []
        """Ids of answers that arrived whole."""
        self.broken: list[str | None] = []
        """Ids of requests that did not; None where not even a head arrived."""
        self.refused: list[int] = []
        """Statuses other than 200."""
        self._threads = [threading.Thread(target=self._call, args=(seed,), daemon=True) for seed in range(callers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def wait_for(self, more: int) -> None:
        """Wait until that many more answers were delivered."""
        wanted = len(self.delivered) + more
        until(lambda: len(self.delivered) >= wanted, f"{more} more answers")

    def _call(self, seed: int) -> None:
        chance = random.Random(seed)
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            if connection is None:
                connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE_S)
                try:
                    connection.connect()
                except OSError:
                    connection = None
                    self._stop.wait(0.02)
                    continue
            if not self._once(connection, chance):
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _once(self, connection: http.client.HTTPConnection, chance: random.Random) -> bool:
        """Make one request; False when the connection is of no more use."""
        streamed = chance.random() < 0.5
        body = {"model": "auto", "stream": streamed, "messages": [{"role": "user", "content": "word " * 20}]}
        headers = {
            "authorization": f"Bearer {self._key}",
            "x-sim-output-tokens": str(chance.randint(4, 20)),
            "x-sim-fault": chance.choice(PACES),
        }
        name = None
        try:
            connection.request("POST", CHAT, json.dumps(body), headers)
            response = connection.getresponse()
            name = response.headers["x-paceline-request-id"]
            answer = response.read()
            if response.status == 200 and streamed and not answer.endswith(b"data: [DONE]\n\n"):
                raise http.client.IncompleteRead(answer)
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.broken.append(name)
            return False
        with self._lock:
            if response.status == 200:
                self.delivered.append(name or "")
            else:
                self.refused.append(response.status)
        return True
