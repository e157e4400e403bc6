"""Makes a process stop when the supervisor that started it is gone, however that ended: even `kill -9` closes a pipe.

The supervisor gives each child the reading end as standard input and says so in one variable. Imports next to nothing,
since the gateway process runs this too.
"""

from __future__ import annotations

import _thread
import os

VARIABLE = "PACELINE_STOPS_WITH_STDIN"
_SIGTERM = 15


class Lifeline:
    """The supervisor's side: a pipe on which nothing is ever written."""

    def __init__(self) -> None:
        self.stdin, self._held = os.pipe()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a child whose standard input is this pipe."""
        return {**os.environ, VARIABLE: "1"}

    def close(self) -> None:
        """Let go: children that still run stop now."""
        os.close(self.stdin)
        os.close(self._held)


def stop_with_parent() -> None:
    """In a child of a supervisor: send this process SIGTERM when the supervisor is gone. Elsewhere: nothing."""
    if os.environ.pop(VARIABLE, None):  # popped, so that a child's own children keep their standard input
        _thread.start_new_thread(_wait, ())


def _wait() -> None:
    try:
        while os.read(0, 1):
            pass
    except OSError:
        return
    os.kill(os.getpid(), _SIGTERM)
