"""Two plan documents beside each other: what is said to be new, gone and different."""

from __future__ import annotations

from typing import Any

from paceline.dashboard.plan_changes import Change, changes
from paceline.standards import load

TEXT = """
version: 1
providers: {house: {dialect: openai, base_url: "http://127.0.0.1:9/v1"}}
models: {small: {deployments: [house/m]}}
tasks: {chat: small}
use_cases: {support-chat: {class: chat, task: chat, budget: {ttft: {p95: 800ms}, cost: {p95: 0.02}}}}
teams: {support: {}}
services: {helpdesk: {owner: support, use_cases: [support-chat]}}
"""


def document(text: str) -> dict[str, Any]:
    return dict(load(text, env={}).sound().plan().document)


def test_the_same_has_no_changes() -> None:
    assert changes(document(TEXT), document(TEXT)) == []


def test_a_limit_is_said_as_people_write_it() -> None:
    after = TEXT.replace("800ms", "1200ms").replace("cost: {p95: 0.02}", "error_share: 2%")
    assert changes(document(TEXT), document(after)) == [
        Change("use case support-chat", "ttft p95 limit", "800 ms", "1.20 s"),
        Change("use case support-chat", "error share limit", "0.5 %", "2.0 %"),
        Change("use case support-chat", "cost p95 limit", "$0.02", "nothing"),
    ]


def test_what_is_new_and_what_is_gone_is_one_line_each() -> None:
    after = TEXT.replace("teams: {support: {}}", "teams: {support: {}, lab: {}}").replace("helpdesk", "forum")
    assert changes(document(TEXT), document(after)) == [
        Change("team lab", "", "", "new"),
        Change("service forum", "", "", "new"),
        Change("service helpdesk", "", "gone", ""),
    ]


def test_values_inside_a_section_are_named_by_their_path() -> None:
    after = TEXT + "gateway: {drain: 10s}\ntraffic: {retry: {attempts_max: 1}}\n"
    assert changes(document(TEXT), document(after)) == [
        Change("gateway", "drain ms", "30,000", "10,000"),
        Change("traffic", "retry attempts max", "3", "1"),
    ]


def test_keys_are_no_change() -> None:
    assert changes({"keys": [1], "hash": "a", "use_cases": []}, {"keys": [2], "hash": "b", "use_cases": []}) == []
