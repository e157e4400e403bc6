"""Makes `data/` from the published traces: `python -m paceline.demo.excerpt FOLDER`.

FOLDER holds `azure-2023/AzureLLMInferenceTrace_{conv,code}.csv.gz` (Azure/AzurePublicDataset) and
`claude-code-agentic/cc_agent_traces.jsonl.xz` (callanjfox/kv-cache-tester, one session a line, block ids as runs).
What is kept and what is changed is written in `data/README.md`. The result depends on nothing but the input.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
AZURE_S = 15 * 60
SESSIONS_STREAMED = 8
SESSIONS_PLAIN = 2
REQUESTS_PER_SESSION = 40
SESSION_SPAN_S_MAX = 1800.0
PROMPT_TOKENS_MAX = 80_000
KEPT = ("t", "type", "model", "in", "out", "stop", "api_time", "think_time", "ttft", "hash_runs")


def azure(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield milliseconds since the first arrival, input tokens, output tokens, of the first 15 minutes."""
    with gzip.open(path, "rt", newline="") as file:
        first: datetime | None = None
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["TIMESTAMP"][:26])  # microseconds; the seventh decimal is always zero
            first = first or at
            elapsed = at - first
            if elapsed.total_seconds() >= AZURE_S:
                return
            yield round(elapsed.total_seconds() * 1000), int(row["ContextTokens"]), int(row["GeneratedTokens"])


def sessions(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the first sessions that are long enough, dense enough and of moderate prompts, cut to 40 requests."""
    wanted = {True: SESSIONS_STREAMED, False: SESSIONS_PLAIN}
    shapes = set()
    with lzma.open(path, "rt") as file:
        for line in file:
            session = json.loads(line)
            requests = [one for one in session["requests"] if one["type"] != "subagent"][:REQUESTS_PER_SESSION]
            streamed = bool(requests) and all(one["type"] == "s" for one in requests)
            shape = tuple(one["out"] for one in requests[:8])  # the set holds near copies of some sessions
            if not wanted[streamed] or shape in shapes or not _fits(requests):
                continue
            shapes.add(shape)
            wanted[streamed] -= 1
            kept = [{name: one[name] for name in KEPT if name in one} for one in requests]
            yield {
                "id": session["id"],
                "block_size": session["block_size"],
                "system_tokens": session["tool_tokens"] + session["system_tokens"],
                "requests": kept,
            }


def _fits(requests: list[dict[str, Any]]) -> bool:
    return (
        len(requests) == REQUESTS_PER_SESSION
        and requests[-1]["t"] - requests[0]["t"] <= SESSION_SPAN_S_MAX
        and max(one["in"] for one in requests) <= PROMPT_TOKENS_MAX
    )


def write(name: str, lines: Iterable[str]) -> None:
    """Write one compressed file; equal lines give equal bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
    (DATA / name).write_bytes(packed.getvalue())


def main(folder: Path) -> None:
    """Write the three files of the excerpt."""
    for name in ("conv", "code"):
        rows = azure(folder / "azure-2023" / f"AzureLLMInferenceTrace_{name}.csv.gz")
        write(f"azure-{name}.csv.gz", ["at_ms,input_tokens,output_tokens", *(",".join(map(str, row)) for row in rows)])
    found = sessions(folder / "claude-code-agentic" / "cc_agent_traces.jsonl.xz")
    write("claude-code.jsonl.gz", (json.dumps(one, separators=(",", ":")) for one in found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
