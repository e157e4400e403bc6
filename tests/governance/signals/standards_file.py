"""The standards that tests of signals judge by."""

from __future__ import annotations

from paceline.standards import Standards, load

TEXT = """
version: 1
providers: {sim: {base_url: "http://127.0.0.1:4199/v1", engine: openai}}
models:
  small: {deployments: [sim/small-8b]}
use_cases:
  support-chat: {class: chat, model: small, budget: {error_share: 1%}, hedge: {requests_share: 2%, cost_share: 2%}}
  digest: {class: batch, model: small}
teams: {support: {}}
services:
  helpdesk: {owner: support, use_cases: [support-chat, digest], budget: {usd_per_month: 400}}
  editor: {owner: support, use_cases: [support-chat]}
"""


def standards() -> Standards:
    """Load them."""
    return load(TEXT, env={}).sound()
