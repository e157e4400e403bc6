"""What is compared: the simulated provider called directly, through nginx, and through the gateway with everything on.

Owns the set-up of all three in one temporary folder. "Everything" is: a virtual key, a tag in the path, a cap spliced
in, usage asked for and withheld again, the request measured, journalled and counted. nginx: two workers, keep-alive
upstream, no buffering of answers, no access log.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import processes

KEY = "pk-" + "b" * 40
MODELS = {
    "bench-instant": {"preset": "instant"},
    "bench-paced": {"preset": "paced", "token_ms": 5},
    "bench-slow": {"preset": "paced", "token_ms": 500},
    "bench-read": {"preset": "paced", "token_ms": 100},
}
WORKERS = 2


@dataclass(frozen=True)
class Side:
    """One way to the simulated provider."""

    name: str
    pid: int
    port: int
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Build:
    """Which gateway runs: `sources` holds another build of it, `standards` is further text of its standards file."""

    sources: Path | None = None
    standards: str = ""


BUILD = Build()


@contextlib.contextmanager
def simulator(folder: Path) -> Iterator[Side]:
    """Run the simulated provider."""
    port = processes.free_port()
    models = [{"name": name, **model} for name, model in MODELS.items()]
    config = json.dumps({"listen": f"127.0.0.1:{port}", "models": models})
    command = [sys.executable, "-c", "import sys; from paceline import _core; _core.simulate(sys.argv[1])", config]
    with processes.running("sim", command, port, folder) as pid:
        yield Side("direct", pid, port)


@contextlib.contextmanager
def nginx(folder: Path, upstream: Side, *, body_buffer: str | None = None) -> Iterator[Side]:
    """Run nginx before the simulator; `body_buffer` keeps request bodies in memory up to that size."""
    program = os.environ.get("PACELINE_TEST_NGINX") or shutil.which("nginx") or "/usr/sbin/nginx"
    port = processes.free_port()
    home = folder / f"nginx-{port}"
    home.mkdir()
    (home / "nginx.conf").write_text(_nginx_conf(home, port, upstream.port, body_buffer))
    command = [program, "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")]
    with processes.running(home.name, command, port, folder) as pid:
        yield Side("nginx" if body_buffer is None else "nginx, bodies in memory", pid, port)


@contextlib.contextmanager
def gateway(
    folder: Path, upstream: Side, *, threads: int | None = WORKERS, name: str = "gateway", build: Build = BUILD
) -> Iterator[Side]:
    """Run the gateway before the simulator with every feature on."""
    port = processes.free_port()
    data = folder / f"gateway-{port}"
    data.mkdir(mode=0o700)
    (data / "plan.json").write_bytes(_plan(data, upstream.port, build.standards))
    command = [sys.executable, "-m", "paceline", "gateway", "--data", str(data), "--listen", f"127.0.0.1:{port}"]
    command += ["--threads", str(threads)] if threads else []
    env = {"BENCH_PROVIDER_KEY": "sk-bench"} | ({"PYTHONPATH": str(build.sources)} if build.sources else {})
    with processes.running(data.name, command, port, folder, **env) as pid:
        path = "/t/bench/bench-chat/v1/chat/completions"
        yield Side(name, pid, port, path, {"authorization": f"Bearer {KEY}"})


def standards_text(upstream_port: int) -> str:
    """The standards file of the benchmarks: every rule of traffic that a request can pass is on.

    Limits of every kind at every subject (out of reach), a bounded queue, deadlines, breakers, the exact cache. Answers
    asked for whole are not streamed from the provider: nginx relays them whole too.
    """
    limits = (
        "{requests_per_minute: 100000000, tokens_per_minute: 1000000000000, requests_in_flight: 1000000, "
        "usd_per_day: 1000000, usd_per_month: 1000000}"
    )
    deployment = "limits: {requests_per_minute: 100000000, requests_in_flight: 1000000}"
    models = "\n".join(
        f"  {name}: {{deployments: [{{deployment: sim/{name}, price: {{input: 1, output: 1}}, {deployment}}}]}}"
        for name in MODELS
    )
    return f"""\
version: 1
organisation: Bench
providers:
  sim:
    dialect: openai
    engine: paceline-sim
    base_url: "http://127.0.0.1:{upstream_port}/v1"
    key: env:BENCH_PROVIDER_KEY
models:
{models}
tasks: {{chat: bench-instant}}
use_cases:
  bench-chat:
    class: chat
    task: chat
    max_output_tokens: 800
    stream_upstream: false
    cache: 1h
    limits: {limits}
teams:
  bench: {{limits: {limits}}}
services:
  bench: {{owner: bench, use_cases: [bench-chat], mode: warn, limits: {limits}}}
"""


def _plan(folder: Path, upstream_port: int, more: str) -> bytes:
    from paceline import standards

    file = folder / "paceline.yaml"
    file.write_text(standards_text(upstream_port) + more)
    key = standards.PlanKey(
        id="k_bench",
        sha256=hashlib.sha256(KEY.encode()).hexdigest(),
        service="bench",
        services=[],
        any_service=False,
        use_case=None,
    )
    return standards.load(file).plan(keys=[key]).json_bytes


def _nginx_conf(home: Path, port: int, upstream_port: int, body_buffer: str | None) -> str:
    user = "user root;" if os.geteuid() == 0 else ""  # its workers must reach the temporary folder
    buffer = f"client_body_buffer_size {body_buffer};" if body_buffer else ""
    return f"""\
daemon off;
{user}
worker_processes {WORKERS};
worker_rlimit_nofile 65536;
pid {home}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  client_max_body_size 64m;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  {buffer}
  upstream provider {{
    server 127.0.0.1:{upstream_port};
    keepalive 4096;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""
