"""Other gateways beside ours, where they are installed: `vllm-router`, `sglang-router` and the LiteLLM proxy.

Owns how they are started: with their defaults, one provider, no key, no log of requests. They are looked for on PATH
and in the folders of `PACELINE_BENCH_BESIDE` (separated by colons); what is not found is left out, and said.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import processes
import relay_cpu
from figures import table
from sides import MODELS, Side

KINDS = {"plain": 20_000, "full": 400}
MASTER = "sk-" + "bench" * 8
LITELLM_SHARE = 20
"""It takes that many times longer, so it gets that many times fewer requests."""


def show(sides: list[Side], folder: Path, direct: Side, pairs: int) -> None:
    """Measure CPU per request and per event, and the latency, of everything that is installed."""
    with contextlib.ExitStack() as stack:
        found = [*sides]
        for name, start in STARTERS.items():
            program = _program(name)
            if program is None:
                print(f"  {name} is not installed: left out")
                continue
            found.append(stack.enter_context(start(name, program, folder, direct)))
        rows = [row for kind, requests in KINDS.items() for row in _measure(kind, requests, found, folder, pairs)]
    head = ["median of rounds", "CPU µs", "gateway is", "p50 ms", "p99 ms"]
    table("Beside other gateways", head, rows)


def _measure(kind: str, requests: int, sides: list[Side], folder: Path, pairs: int) -> list[list[str]]:
    traffic = relay_cpu.TRAFFIC[kind]
    rows, ours = [], 0.0
    for side in sides:
        count = requests // LITELLM_SHARE if side.name == "litellm" else requests
        load = replace(traffic.load, requests=max(count, traffic.load.connections))
        costs, answers = relay_cpu.rounds(replace(traffic, load=load), side, folder, pairs)
        cost = costs[len(costs) // 2]
        ours = cost if side.name == "gateway" else ours
        times = [sorted(answer["total_us"][name] for answer in answers)[len(answers) // 2] for name in ("p50", "p99")]
        share = f"{cost / ours:.1f} times less" if ours and side.name != "gateway" else ""
        label = f"{traffic.title}, a {traffic.per}: {side.name}"
        rows.append([label, f"{cost:.1f}", share, *(f"{time / 1000:.2f}" for time in times)])
    return rows


def _program(name: str) -> str | None:
    folders = os.environ.get("PACELINE_BENCH_BESIDE", "")
    return shutil.which(name, path=os.pathsep.join(filter(None, [folders, os.environ.get("PATH", "")])))


@contextlib.contextmanager
def _router(name: str, program: str, folder: Path, upstream: Side) -> Iterator[Side]:
    port, metrics = processes.free_port(), processes.free_port()
    command = [program, *(["launch"] if name == "sglang-router" else []), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--prometheus-port", str(metrics)]
    command += ["--worker-urls", f"http://127.0.0.1:{upstream.port}", "--policy", "round_robin", "--log-level", "error"]
    with processes.running(name, command, port, folder) as pid:
        yield Side(name, pid, port)


@contextlib.contextmanager
def _litellm(name: str, program: str, folder: Path, upstream: Side) -> Iterator[Side]:
    port = processes.free_port()
    config = folder / "litellm.yaml"
    models = "".join(
        f"  - {{model_name: {model}, litellm_params: {{model: openai/{model}, api_key: sk-bench, "
        f'api_base: "http://127.0.0.1:{upstream.port}/v1"}}}}\n'
        for model in MODELS
    )
    config.write_text(f"model_list:\n{models}litellm_settings: {{telemetry: false}}\n")
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "2"]
    with processes.running(name, command, port, folder, LITELLM_LOG="ERROR", LITELLM_MASTER_KEY=MASTER) as pid:
        yield Side(name, pid, port, headers={"authorization": f"Bearer {MASTER}"})


STARTERS: dict[str, Callable[..., contextlib.AbstractContextManager[Side]]] = {
    "vllm-router": _router,
    "sglang-router": _router,
    "litellm": _litellm,
}
