"""Calls whose metering is checked: what the caller got, what the simulated provider knows, what the ledger holds.

Owns the standards these tests run under, the calls and the joining of the three accounts.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

from tests.integration.installation import PATIENCE_S, Installation, until
from tests.integration.ledger_rows import rows

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"

# US dollars per million tokens, by the path's provider.
PRICES = {
    "openai": {"input": 2.0, "output": 8.0, "cached": 0.5, "cache_write": 2.0},
    "anthropic": {"input": 3.0, "output": 15.0, "cached": 0.3, "cache_write": 3.75},
}
CAP = 300

STANDARDS = f"""\
version: 1
organisation: Test
providers:
  openai: {{{{dialect: openai, base_url: "{{sim}}/v1", engine: paceline-sim, key: env:TEST_PROVIDER_KEY}}}}
  anthropic: {{{{dialect: anthropic, base_url: "{{sim}}/v1", engine: paceline-sim, key: env:TEST_PROVIDER_KEY}}}}
models:
  small: {{{{deployments: [openai/gpt-5.4-mini, anthropic/claude-haiku-4-5]}}}}
  large: {{{{deployments: [openai/gpt-5.4]}}}}
  vectors: {{{{deployments: [openai/text-embedding-3-small]}}}}
tasks: {{{{chat: small}}}}
classes: {{{{chat: {{{{stream_upstream: false, prompt_cache: false}}}}}}}}
use_cases:
  support-chat: {{{{class: chat, task: chat, models: [vectors], max_output_tokens: {CAP}}}}}
  hasty: {{{{class: chat, task: chat, deadlines: {{{{first_token: 300ms, stall: 300ms, total: 3s}}}}}}}}
teams: {{{{support: {{{{}}}}}}}}
services:
  helpdesk: {{{{owner: support, use_cases: [support-chat], mode: warn}}}}
  hurry: {{{{owner: support, use_cases: [hasty], mode: warn}}}}
  strict: {{{{owner: support, use_cases: [support-chat], mode: enforce}}}}
  watcher: {{{{owner: support, use_cases: [support-chat], mode: observe}}}}
prices:
  openai/gpt-5.4-mini: {json.dumps(PRICES["openai"]).replace("{", "{{").replace("}", "}}")}
  anthropic/claude-haiku-4-5: {json.dumps(PRICES["anthropic"]).replace("{", "{{").replace("}", "}}")}
{{extra}}"""

SIM = tuple(
    part
    for model in ("gpt-5.4-mini", "gpt-5.4", "claude-haiku-4-5", "text-embedding-3-small")
    for part in ("--model", f"{model}=instant")
)


@dataclass
class Call:
    """One call and, once joined, its three accounts."""

    path: str
    body: dict[str, Any]
    fields: dict[str, str] = field(default_factory=dict)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    received: bytes = b""
    whole: bool = False
    """False when the answer's framing was cut off."""
    truth: dict[str, Any] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The request's id."""
        return self.headers["x-paceline-request-id"]

    @property
    def document(self) -> dict[str, Any]:
        """The answer as JSON."""
        return dict(json.loads(self.received))

    def make(self, at: Installation, key: str) -> Call:
        """Make the call and read the answer as far as it goes."""
        connection = http.client.HTTPConnection("127.0.0.1", at.gateway_port, timeout=PATIENCE_S)
        connection.request("POST", self.path, json.dumps(self.body), {"authorization": f"Bearer {key}", **self.fields})
        response = connection.getresponse()
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        try:
            while piece := response.read1(65536):
                self.received += piece
            self.whole = True
        except (http.client.IncompleteRead, ConnectionError, ValueError):
            self.whole = False
        connection.close()
        return self


def join(at: Installation, calls: dict[str, Call]) -> None:
    """Wait until every call has its row in the ledger and its truth at the provider, and attach them."""
    wanted = {call.id for call in calls.values()}
    until(lambda: wanted <= rows(at).keys(), "every call in the ledger")
    held = rows(at)
    until(lambda: wanted <= {truth["request_id"] for truth in at.sim_requests()}, "every call at the provider")
    known = {truth["request_id"]: truth for truth in at.sim_requests()}
    for call in calls.values():
        call.row = held[call.id]
        call.truth = known[call.id]


def cost_nanousd(provider: str, row: dict[str, Any]) -> int:
    """Return what the row's tokens cost: dollars per million are thousands of nano-dollars a token."""
    price = PRICES[provider]
    cached, written = row["tokens_cached"], row["tokens_cache_write"]
    fresh = row["tokens_input"] - cached - written
    parts = ((fresh, "input"), (cached, "cached"), (written, "cache_write"), (row["tokens_output"], "output"))
    return round(sum(count * price[name] * 1e3 for count, name in parts))
