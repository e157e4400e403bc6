"""The documents that were in force: newest first, plans that differ in keys only are one, and they are bounded."""

from __future__ import annotations

from pathlib import Path

from paceline.ledger import open_ledger
from paceline.standards import load

TEXT = """
version: 1
providers: {house: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}}
models: {small: {deployments: [house/m]}}
tasks: {chat: small}
use_cases: {support-chat: {class: chat, task: chat, max_output_tokens: %d}}
teams: {support: {}}
services: {helpdesk: {owner: support, use_cases: [support-chat]}}
"""


def test_each_document_is_there_once_until_another_takes_its_place(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert ledger.plans.history() == []
        caps = (100, 100, 200, 100)
        for place, cap in enumerate(caps):
            standards = load(TEXT % cap, env={}).sound()
            keys = ledger.keys.planned()
            ledger.plans.put(standards.plan(keys))
            if place == 0:  # a new key makes a new plan of the same document
                ledger.keys.create(service="helpdesk")
        found = ledger.plans.history()
        assert [one.document["use_cases"][0]["max_output_tokens"] for one in found] == [200, 100]
        assert found[0].first_seen_us > found[1].first_seen_us
        assert found[1].last_seen_us >= found[1].first_seen_us
        assert len(ledger.plans.history(most=1)) == 1
