"""A gateway with traffic of every kind, and a Prometheus that scrapes it: what exports are held against.

Owns the standards, the requests that make every family move, and the server's process. Waits for conditions only.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.integration.installation import PATIENCE_S, Installation, free_port, until

STANDARDS = """\
version: 1
organisation: Acme
providers:
  openai: {{base_url: "{sim}/v1", engine: paceline-sim, key: env:TEST_PROVIDER_KEY}}
models:
  small: {{deployments: [openai/gpt-5.4-mini, openai/gpt-5.4]}}
  large: {{deployments: [{{deployment: openai/gpt-5.4, limits: {{requests_in_flight: 1}}}}]}}
tasks: {{chat: small}}
use_cases:
  support-chat: {{class: chat, task: chat, models: [large], max_output_tokens: 40,
    budget: {{total: {{p95: 7s}}, ttfv: {{p95: 1234.567ms}}, cost: {{p95: 0.00002}}}}}}
  night.digest: {{class: extraction, task: chat, cache: {{ttl: 1h}}}}
teams:
  support: {{contact: "#support"}}
services:
  helpdesk: {{owner: support, use_cases: [support-chat, night.digest], default_use_case: support-chat, mode: warn}}
prices:
  openai/gpt-5.4-mini: {{input: 2.0, output: 8.0}}
  openai/gpt-5.4: {{input: 4.0, output: 16.0}}
{extra}"""

SIM = ("--model", "gpt-5.4-mini=instant", "--model", "gpt-5.4=instant")

_KINDS: tuple[tuple[str, dict[str, Any], dict[str, str]], ...] = (
    ("support-chat", {"stream": True}, {}),
    ("support-chat", {}, {}),
    ("night.digest", {"stream": True}, {}),
    ("night.digest", {"temperature": 0}, {}),
    ("support-chat", {}, {"x-sim-fault": "status=503;times=1"}),
    ("support-chat", {}, {"x-sim-fault": "status=500"}),
    ("support-chat", {"model": "no-such-model"}, {}),
)


def send(at: Installation, key: str) -> None:
    """Send a request of every kind: streamed, whole, cached, taken over, failed, refused."""
    for use_case, more, headers in _KINDS:
        _call(at, key, use_case, more, headers)
    slow = ("support-chat", {"model": "large"}, {"x-sim-fault": "delay=50"})
    with ThreadPoolExecutor(3) as pool:  # one at a time is served, so that two of them wait
        for done in [pool.submit(_call, at, key, *slow) for _ in range(3)]:
            done.result()


def _call(at: Installation, key: str, use_case: str, more: dict[str, Any], headers: dict[str, str]) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": "Good morning"}], **more}
    asked = urllib.request.Request(  # noqa: S310
        f"{at.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "x-paceline-use-case": use_case,
            **headers,
        },
    )
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
            answer.read()
    except urllib.error.HTTPError as error:
        error.close()


def scraped(at: Installation) -> str:
    """Return the metrics text as Prometheus gets it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{at.control_port}/metrics", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the series that an expression has now; fail with its own words where it does not take it."""
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310
                return list(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.BAD_REQUEST:
                raise
            with error:
                message = f"{expr}\n{error.read().decode()}"
            raise AssertionError(message) from None

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules it has loaded, each with its health."""
        with urllib.request.urlopen(f"{self.url}/api/v1/rules", timeout=PATIENCE_S) as answer:  # noqa: S310
            return [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]


@contextlib.contextmanager
def prometheus(program: Path, place: Path, target: int, rules: str) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes a port of this machine four times a second, with these rules."""
    port = free_port()
    (place / "rules.yml").write_text(rules)
    job = {"job_name": "paceline", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
    settings = {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "1s"}
    config = {"global": settings, "scrape_configs": [job], "rule_files": ["rules.yml"]}
    (place / "prometheus.yml").write_text(json.dumps(config))
    arguments = [
        *(f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
    ]
    with (place / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=log, cwd=place)
    at = Prometheus(f"http://127.0.0.1:{port}")
    try:
        until(lambda: process.poll() is None and bool(at.query("up == 1")), "Prometheus to scrape the gateway")
        yield at
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
