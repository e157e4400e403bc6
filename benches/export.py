"""What OTLP export costs a request: the gateway without it, with spans of a tenth, and with spans of all requests.

Owns the three sides and the collector they export to, which is the real one of the tests. The CPU is the gateway's
alone, the exporting thread included.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import loads
import processes
import relay_cpu
import sides
from figures import Turns, table, turns
from sides import Side

from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))
import otelcol

CHOICES = {
    "no export": None,
    "metrics, spans of 10 %": 0.1,
    "metrics, spans of all": 1.0,
}
CONFIG = """\
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{lines: {{}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: fatal}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [lines]}}, metrics: {{receivers: [otlp], exporters: [lines]}}}}
"""


@contextlib.contextmanager
def collector(folder: Path) -> Iterator[int]:
    """Run a collector that keeps nothing; its port for gRPC."""
    program = otelcol.find() or (otelcol.build() or otelcol.find())
    port = processes.free_port()
    config = folder / "collector.yaml"
    config.write_text(CONFIG.format(port=port))
    with processes.running("collector", [str(program), "--config", f"file:{config}"], port, folder):
        yield port


def show(direct: Side, folder: Path, pairs: int) -> None:
    """Print one row a choice; the sides take turns."""
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(collector(folder))
        by_name = {}
        for name, share in CHOICES.items():
            section = (
                ""
                if share is None
                else f"telemetry: {{otlp: {{endpoint: 'http://127.0.0.1:{port}', sample: {share}}}}}\n"
            )
            by_name[name] = stack.enter_context(
                sides.gateway(folder, direct, name=name, build=sides.Build(standards=section))
            )
        load = relay_cpu.TRAFFIC["plain"].load
        costs = Turns()
        for side in by_name.values():
            loads.run(side, replace(load, requests=load.requests // 8), folder)
        for name in turns(list(by_name), pairs):
            side = by_name[name]
            before = processes.cpu_s(side.pid)
            answered = loads.run(side, load, folder)["answered"]
            costs.add(name, (processes.cpu_s(side.pid) - before) / answered * 1e6)
        dropped = {name: lost(folder, side) for name, side in by_name.items()}
    rows = [[name, f"{costs.least(name):.1f} / {costs.median(name):.1f}", dropped[name]] for name in by_name]
    table("OTLP export, plain requests", ["", "CPU µs a request (min / median)", "requests dropped"], rows)


def lost(folder: Path, side: Side) -> str:
    """How many requests' spans found no room in the queue, and how many spans were sent."""
    told = Link(DataDir(folder / f"gateway-{side.port}").socket).status()["export"]
    return f"{told['requests_dropped']} beside {told['spans_sent']} spans sent" if told else ""
