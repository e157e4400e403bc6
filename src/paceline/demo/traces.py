"""The excerpt of real traces as calls to make: when, by which service, how long a prompt, how long an answer.

Reads `data/`. Arrival times are the traces' own; each trace is played faster by one factor, which the demo shows.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

BLOCK_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a trace."""

    at_s: float
    """Since the start of the trace, before scaling."""
    session: str
    """Calls of one session wait for each other; calls without one ("") do not."""
    input_tokens: int
    output_tokens: int
    streamed: bool
    system_tokens: int = 0
    """How much of the prompt is tools and system prompt."""
    blocks: tuple[tuple[int, int], ...] = ()
    """The prompt as runs of block ids, `(first, how many)`; equal leading ids are an equal prefix."""


def azure(name: str, streamed_share: float) -> Iterator[Call]:
    """Yield `conv` or `code` in order of arrival. The trace does not say what was streamed: a share is."""
    for index, row in enumerate(csv.DictReader(_lines(f"azure-{name}.csv.gz"))):
        yield Call(
            at_s=int(row["at_ms"]) / 1000,
            session="",
            input_tokens=int(row["input_tokens"]),
            output_tokens=int(row["output_tokens"]),
            streamed=index % 100 < streamed_share * 100,
        )


def claude_code() -> Iterator[Call]:
    """Yield the sessions' calls, session by session; every session starts at zero."""
    for line in _lines("claude-code.jsonl.gz"):
        session = json.loads(line)
        for one in session["requests"]:
            yield Call(
                at_s=one["t"],
                session=session["id"],
                input_tokens=one["in"],
                output_tokens=one["out"],
                streamed=one["type"] == "s",
                system_tokens=session["system_tokens"],
                blocks=tuple((first, many) for first, many in one["hash_runs"]),
            )


def _lines(name: str) -> Iterator[str]:
    packed = (files(__package__) / "data" / name).read_bytes()
    yield from gzip.decompress(packed).decode().splitlines()
