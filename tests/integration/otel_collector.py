"""A real OpenTelemetry collector beside an installation, and what it was sent, in Python's own types.

Owns starting and stopping it and reading the lines it writes (scripts/otelcol/main.go); asserts nothing.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.installation import PATIENCE_S, free_port, until

CONFIG = """\
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"{tls}}}
      http: {{endpoint: "127.0.0.1:{http}"{tls}}}
exporters:
  lines: {{folder: {folder}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [lines]}}
    metrics: {{receivers: [otlp], exporters: [lines]}}
"""


def value(written: dict[str, Any]) -> Any:
    """Read one value of OTLP's JSON."""
    ((kind, held),) = written.items()
    if kind == "intValue":
        return int(held)
    return [value(each) for each in held["values"]] if kind == "arrayValue" else held


def attributes(of: dict[str, Any]) -> dict[str, Any]:
    """Read attributes as a mapping; a name said twice fails."""
    pairs = [(each["key"], value(each["value"])) for each in of.get("attributes", ())]
    assert len(dict(pairs)) == len(pairs), f"an attribute is there twice: {pairs}"
    return dict(pairs)


@dataclass(frozen=True)
class Span:
    """One span."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    started_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    events: dict[str, dict[str, Any]]
    failed: bool
    state: str

    @property
    def is_request(self) -> bool:
        """True for the span of a request, False for that of an attempt."""
        return self.kind == 2


@dataclass
class Collector:
    """One collector; ports and folder stay when it is stopped and started again."""

    program: str
    folder: Path
    grpc_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    certificate: Path | None = None
    """With it, and its key beside it, both ports speak TLS."""

    def endpoint(self, protocol: str) -> str:
        """Where it listens for a protocol."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://127.0.0.1:{self.grpc_port if protocol == 'grpc' else self.http_port}"

    def start(self) -> Collector:
        """Start it and wait until it says that it is ready."""
        config = self.folder / "config.yaml"
        files = self.certificate and f"cert_file: {self.certificate}, key_file: {self.certificate.with_suffix('.key')}"
        tls = f", tls: {{{files}}}" if files else ""
        config.write_text(CONFIG.format(grpc=self.grpc_port, http=self.http_port, folder=self.folder, tls=tls))
        log = self.folder / "collector.log"
        with log.open("wb") as output:
            self.process = subprocess.Popen([self.program, "--config", f"file:{config}"], stdout=output, stderr=output)
        until(lambda: "Everything is ready" in log.read_text(), "the collector to be ready")
        return self

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)
            self.process = None

    def raw(self) -> bytes:
        """Return all it was sent, as it wrote it."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("*.jsonl")))

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        path = self.folder / name
        if path.exists():
            for line in path.read_bytes().split(b"\n")[:-1]:
                yield json.loads(line)

    def spans(self) -> list[Span]:
        """Return every span so far."""
        return [
            Span(
                name=each["name"],
                kind=each["kind"],
                trace=each["traceId"],
                id=each["spanId"],
                parent=each.get("parentSpanId", ""),
                started_ns=int(each["startTimeUnixNano"]),
                ended_ns=int(each["endTimeUnixNano"]),
                attributes=attributes(each),
                events={event["name"]: attributes(event) for event in each.get("events", ())},
                failed=each.get("status", {}).get("code") == 2,
                state=each.get("traceState", ""),
            )
            for line in self._lines("traces.jsonl")
            for resource in line["resourceSpans"]
            for scope in resource["scopeSpans"]
            for each in scope["spans"]
        ]

    def request(self, request_id: str) -> tuple[Span, list[Span]]:
        """Wait for the span of a request; return it and those of its attempts, in their order."""

        def found() -> Span | None:
            return next(
                (span for span in self.spans() if span.attributes.get("paceline.request.id") == request_id), None
            )

        span = until(found, f"the span of {request_id}")
        below = [each for each in self.spans() if each.trace == span.trace and each.parent == span.id]
        return span, sorted(below, key=lambda each: each.started_ns)

    def metrics(self, suite: str, since: int = 0) -> dict[str, dict[str, Any]]:
        """Return the latest form of every metric of a `suite` (the resource says so), of exports from `since` on."""
        return {
            metric["name"]: metric
            for line in list(self._lines("metrics.jsonl"))[since:]
            for resource in line["resourceMetrics"]
            if attributes(resource["resource"]).get("suite") == suite
            for scope in resource["scopeMetrics"]
            for metric in scope["metrics"]
        }

    def exports(self) -> int:
        """Count the exports of metrics so far."""
        return sum(1 for _ in self._lines("metrics.jsonl"))


@contextlib.contextmanager
def collector(program: str, folder: Path) -> Iterator[Collector]:
    """Run a collector for the length of a block."""
    made = Collector(program, folder)
    try:
        yield made.start()
    finally:
        made.stop()
