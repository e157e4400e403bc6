"""The calls that are made: bodies, the load client's command line, its answer.

Owns the shape of the traffic; what it costs is measured elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sides import Side

ROOT = Path(__file__).resolve().parent.parent
PROSE = "Our customer wrote that the parcel arrived late and asks what we can do about it. "


@dataclass(frozen=True)
class Load:
    """One kind of traffic."""

    model: str
    stream: bool
    connections: int
    requests: int
    output_tokens: int
    prompt_bytes: int = 500
    temperature: float | None = None
    """0 makes the request one that the exact cache answers."""

    def body(self) -> bytes:
        """The request body; no cap and no `stream_options`, so that the gateway has both to splice in."""
        text = (PROSE * (self.prompt_bytes // len(PROSE) + 1))[: self.prompt_bytes]
        messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": text}]
        asked = {"model": self.model, "messages": messages, "stream": self.stream}
        if self.temperature is not None:
            asked["temperature"] = self.temperature
        return json.dumps(asked).encode()


def command(side: Side, load: Load, folder: Path, *, announce: bool = False) -> list[str]:
    """The command line that puts this load on that side."""
    program = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "paceline-load"
    body = folder / f"body-{load.model}-{load.stream}-{load.prompt_bytes}-{load.temperature}.json"
    body.write_bytes(load.body())
    words = [str(program), "--to", f"127.0.0.1:{side.port}", "--path", side.path, "--body", str(body)]
    words += ["--connections", str(load.connections), "--requests", str(load.requests)]
    headers = {"x-sim-output-tokens": str(load.output_tokens), **side.headers}
    for name, value in headers.items():
        words += ["--header", f"{name}: {value}"]
    return [*words, "--announce"] if announce else words


def run(side: Side, load: Load, folder: Path) -> dict[str, Any]:
    """Run it to the end; a failed request ends the benchmark, for its figures would mean nothing."""
    done = subprocess.run(command(side, load, folder), check=False, capture_output=True, text=True)
    if done.returncode != 0:
        message = f"load on {side.name}: {done.stdout}{done.stderr}"
        raise RuntimeError(message)
    return json.loads(done.stdout)
