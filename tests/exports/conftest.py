"""Standards that the tests of exports share, and the metrics text of a real gateway."""

from __future__ import annotations

import json
import urllib.request
from datetime import date

import pytest
from tests.integration.installation import PATIENCE_S, installation
from tests.integration.metered import SIM
from tests.integration.metered import STANDARDS as METERED

from paceline import standards
from paceline.standards import Standards

TEXT = """\
version: 1
organisation: Acme
providers:
  openai: {key: env:OPENAI_API_KEY}
models:
  small: {deployments: [openai/gpt-5.4-mini]}
tasks: {chat: small}
classes:
  slow: {extends: chat, budget: {ttft: null, tpot: null, stall: null, error_share: null, total: {p95: 7s, p99: 400s}}}
use_cases:
  support-chat: {class: chat, task: chat, budget: {tpot: null, cost: {p95: 0.02}}}
  night_digest: {class: slow, task: chat}
teams:
  support: {contact: "#support"}
  platform: {contact: "#platform"}
services:
  helpdesk: {owner: support, use_cases: [support-chat, night_digest]}
  watcher: {owner: platform, use_cases: [support-chat]}
"""


@pytest.fixture
def known() -> Standards:
    """Two services, two use cases, limits that metrics can tell of and others."""
    return standards.load(TEXT, today=date(2026, 11, 23)).sound()


@pytest.fixture(scope="session")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The metrics text of a gateway that has answered streamed and whole requests, and failed at some."""
    with installation(tmp_path_factory.mktemp("scrape"), standards_text=METERED, sim_options=SIM) as at:
        key = at.key("helpdesk", "support-chat")
        for streamed in (True, False):
            body = {"model": "auto", "stream": streamed, "messages": [{"role": "user", "content": "Good morning"}]}
            asked = urllib.request.Request(  # noqa: S310
                f"{at.url}/v1/chat/completions",
                data=json.dumps(body).encode(),
                headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            )
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
                answer.read()
        with urllib.request.urlopen(f"http://127.0.0.1:{at.control_port}/metrics", timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())
