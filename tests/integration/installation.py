"""A whole installation for tests: simulated provider, gateway and control process as real processes on free ports.

Owns starting, killing and asking them. Waits for conditions, never for a length of time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import Link, LinkError
from paceline.ledger import Ledger, open_ledger

T = TypeVar("T")

# An upper bound that only a hang reaches; nothing is asserted about how long anything took.
PATIENCE_S = 60.0

STANDARDS = """\
version: 1
organisation: Test
providers:
  openai: {{dialect: openai, base_url: "{sim}/v1", engine: paceline-sim, key: env:TEST_PROVIDER_KEY}}
  anthropic: {{dialect: anthropic, base_url: "{sim}/v1", engine: paceline-sim, key: env:TEST_PROVIDER_KEY}}
models:
  small: {{deployments: [openai/gpt-5.4-mini]}}
  claude: {{deployments: [anthropic/claude-haiku-4-5]}}
tasks: {{chat: small, reason: claude}}
classes:  # requests and answers as they come: what is added to them has tests of its own
  chat: {{stream_upstream: false, prompt_cache: false}}
  agent: {{stream_upstream: false, prompt_cache: false}}
use_cases:
  support-chat: {{class: chat, task: chat, max_output_tokens: 300}}
  repo-agent: {{class: agent, task: reason}}
teams:
  support: {{}}
  platform: {{}}
services:
  helpdesk: {{owner: support, use_cases: [support-chat], mode: warn}}
  builder: {{owner: platform, use_cases: [repo-agent], mode: enforce}}
  watcher: {{owner: platform, use_cases: [support-chat], mode: observe}}
{extra}"""


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], T], what: str) -> T:
    """Return the condition's first true value; fail when patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, LinkError):
            if value := condition():
                return value
        time.sleep(0.01)
    message = f"waited in vain: {what}"
    raise AssertionError(message)


@dataclass
class Installation:
    """Processes of one data directory. `upstream` replaces the simulated provider's URL where a test brings its own."""

    directory: Path
    extra: str = ""
    """Further text of the standards file."""
    standards_text: str = STANDARDS
    """The standards file, `{sim}` and `{extra}` to be filled in."""
    upstream: str | None = None
    sim_options: tuple[str, ...] = ("--model", "gpt-5.4-mini=instant", "--model", "claude-haiku-4-5=instant")
    environment: dict[str, str] = field(default_factory=dict)
    """Of all its processes, beside the test's own."""
    gateway_port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)
    sim_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data = DataDir(self.directory / "data")
        self.data.ensure()
        self.standards = self.directory / "paceline.yaml"
        self.write_standards()

    @property
    def sim_url(self) -> str:
        """Where the provider answers."""
        return self.upstream or f"http://127.0.0.1:{self.sim_port}"

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def link(self) -> Link:
        """The gateway's admin socket."""
        return Link(self.data.socket)

    def write_standards(self, extra: str | None = None) -> None:
        """Write the standards file, with `extra` in place of the text given at first."""
        self.standards.write_text(
            self.standards_text.format(sim=self.sim_url, extra=self.extra if extra is None else extra)
        )

    def ledger(self) -> Ledger:
        """Open the ledger; the caller closes it."""
        return open_ledger(self.data.path)

    def key(self, service: str | None = "helpdesk", use_case: str | None = None, **more: Any) -> str:
        """Make a key and wait until the gateway runs a plan that has it."""
        ledger = self.ledger()
        try:
            made = ledger.keys.create(service=service, use_case=use_case, **more)
        finally:
            ledger.close()
        if "gateway" in self.processes and "control" in self.processes:
            until(lambda: self.knows(made.key), "the gateway to know the new key")
        return str(made.key)

    def knows(self, key: str) -> bool:
        """True when the gateway accepts the key."""
        request = urllib.request.Request(f"{self.url}/v1/models", headers={"authorization": f"Bearer {key}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            with error:
                return False

    def start(self, *names: str) -> Installation:
        """Start the named processes (all three by default) and wait until they are ready."""
        for name in names or ("sim", "gateway", "control"):
            log = (self.directory / f"{name}.log").open("ab")
            with log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "paceline", *self._arguments(name)],
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "TEST_PROVIDER_KEY": "sk-provider-secret", **self.environment},
                )
        for name in names or ("sim", "gateway", "control"):
            until(lambda name=name: self._is_ready(name), f"{name} to be ready:\n{self.log(name)}")
        return self

    def log(self, name: str) -> str:
        """Return what a process has printed."""
        path = self.directory / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def kill(self, name: str) -> None:
        """Kill -9 one process and reap it."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)

    def stop(self, *names: str) -> None:
        """Stop processes (all by default) with SIGTERM, the gateway first, and require a clean exit."""
        for name in names or [name for name in ("gateway", "control", "sim") if name in self.processes]:
            process = self.processes.pop(name)
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE_S)
            assert code == 0, f"{name} left with {code}:\n{self.log(name)}"

    def end(self) -> None:
        """Kill what still runs."""
        for name in list(self.processes):
            self.kill(name)

    def sim_requests(self, request_id: str = "") -> list[dict[str, Any]]:
        """Return the simulated provider's own account of its requests, or of one."""
        only = f"?request_id={request_id}" if request_id else ""
        with urllib.request.urlopen(f"{self.sim_url}/sim/requests{only}", timeout=PATIENCE_S) as answer:  # noqa: S310
            return list(json.load(answer)["requests"])

    def _arguments(self, name: str) -> list[str]:
        address = (
            f"127.0.0.1:{ {'gateway': self.gateway_port, 'control': self.control_port, 'sim': self.sim_port}[name] }"
        )
        options = {
            "gateway": ["--data", str(self.data.path)],
            "control": ["--data", str(self.data.path), "--standards", str(self.standards)],
            "sim": list(self.sim_options),
        }
        return [name, "--listen", address, *options[name]]

    def _is_ready(self, name: str) -> bool:
        process = self.processes[name]
        assert process.poll() is None, f"{name} left with {process.returncode}:\n{self.log(name)}"
        path, port = {
            "gateway": ("/healthz" if "control" not in self.processes else "/readyz", self.gateway_port),
            "control": ("/healthz", self.control_port),
            "sim": ("/v1/models", self.sim_port),
        }[name]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
            return bool(answer.status == 200)


@contextlib.contextmanager
def installation(directory: Path, *names: str, **options: Any) -> Iterator[Installation]:
    """Run an installation for the length of a block."""
    made = Installation(directory, **options)
    try:
        yield made.start(*names)
    finally:
        made.end()
