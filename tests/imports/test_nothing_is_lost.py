"""Every path of a source is accounted for: a finding names it, or the result changes when its value does."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from paceline.imports import ImportsError, Outcome
from paceline.imports.litellm import read as read_litellm
from paceline.imports.portkey import read as read_portkey

Path_ = tuple[str | int, ...]

# Settings of docs.litellm.ai: "Config.yaml", "All settings", "Load balancing", "Fallbacks", "Caching", "Budgets"
LITELLM: dict[str, Any] = {
    "model_list": [
        {
            "model_name": "gpt-4o",
            "litellm_params": {
                "model": "azure/gpt-4o-eu",
                "api_base": "https://acme-eu.openai.azure.com/",
                "api_key": "os.environ/AZURE_API_KEY_EU",
                "api_version": "2024-10-21",
                "rpm": 6,
                "temperature": 0.2,
                "timeout": 300,
                "stream_timeout": 60,
                "max_tokens": 700,
            },
            "rpm": 9,
            "model_info": {"id": "eu-1", "base_model": "azure/gpt-4o", "version": 2, "supports_vision": True},
        },
        {
            "model_name": "gpt-4o",
            "litellm_params": {
                "model": "openai/gpt-4o",
                "api_key": "sk-literal-key",
                "organization": "org-acme",
                "extra_headers": {"x-team": "search", "authorization": "sk-literal-header"},
                "tpm": 1000,
                "input_cost_per_token": 0.000002,
                "output_cost_per_token": 0.000004,
                "max_budget": 100,
                "budget_duration": "30d",
                "tags": ["paid"],
            },
            "model_info": {"mode": "chat", "input_cost_per_token": 0.000003, "base_model": "gpt-4o"},
        },
        {
            "model_name": "small",
            "litellm_params": {
                "model": "groq/llama-3.1-8b",
                "litellm_credential_name": "mine",
                "max_budget": 5,
                "budget_duration": "7d",
                "input_cost_per_token": 0.000002,
                "stream_timeout": 0,
            },
        },
        {"model_name": "own", "litellm_params": {"model": "hosted_vllm/q", "litellm_credential_name": "none"}},
        {"model_name": "claude", "litellm_params": {"model": "bedrock/claude", "aws_region_name": "eu"}},
        {"model_name": "*", "litellm_params": {"model": "*"}, "model_info": {"id": "all"}},
    ],
    "credential_list": [
        {"credential_name": "mine", "credential_values": {"api_key": "gsk_literal", "api_version": "1"}},
        {
            "credential_name": "unused",
            "credential_values": {"api_key": "sk-literal-unused", "api_base": "https://x.example"},
            "credential_info": {"description": "old"},
        },
        {"credential_name": "mine", "credential_values": {"api_key": "sk-literal-again"}},
    ],
    "litellm_settings": {
        "num_retries": 3,
        "fallbacks": [{"small": ["gpt-4o"]}, {"gpt-4o": ["gone"]}, "odd"],
        "default_fallbacks": ["own"],
        "context_window_fallbacks": [{"small": ["gpt-4o"]}],
        "cache": True,
        "cache_params": {"type": "redis", "host": "h", "password": "hunter2", "ttl": 600, "namespace": "n"},
        "max_budget": 100,
        "budget_duration": "30d",
        "default_team_settings": [
            {"team_id": "team-1", "success_callback": ["langfuse"], "langfuse_secret": "lf-secret", "odd": 1},
            {"max_budget": 3},
        ],
        "drop_params": True,
    },
    "router_settings": {
        "routing_strategy": "latency-based-routing",
        "model_group_alias": {"gpt-4": "gpt-4o", "hidden": {"model": "small", "hidden": True}, "gone": "none"},
        "timeout": 30,
        "cooldown_time": 0,
        "max_parallel_requests": 4,
        "default_max_parallel_requests": 5,
        "num_retries": 2,
        "redis_host": "os.environ/REDIS_HOST",
    },
    "general_settings": {
        "master_key": "sk-literal-master",
        "database_url": "postgresql://u:hunter2@h/db",
        "alerting": "slack",
        "request_timeout": 60,
        "max_request_size_mb": 0,
        "global_max_parallel_requests": 50,
        "pass_through_endpoints": [{"path": "/v1/rerank", "headers": {"authorization": "sk-literal-pass"}}],
    },
    "environment_variables": {"OPENAI_API_KEY": "sk-literal-variable"},
    "guardrails": [{"guardrail_name": "pii", "litellm_params": {"api_key": "sk-literal-rail"}}],
}

CONFIG: dict[str, Any] = {
    "strategy": {"mode": "fallback", "on_status_codes": [429], "odd": 1},
    "cache": {"mode": "simple", "max_age": 60},
    "retry": {"attempts": 3, "on_status_codes": [500]},
    "request_timeout": 10_000,
    "override_params": {"model": "gpt-4o", "top_p": 0.5},
    "targets": [
        {
            "strategy": {"mode": "loadbalance"},
            "targets": [
                {"provider": "openai", "api_key": "sk-literal-1", "weight": 0.3, "openai_organization": "org-1"},
                {"virtual_key": "anthropic-prod", "weight": 0.7, "override_params": {"max_tokens": 9, "model": "c"}},
            ],
        },
        {"provider": "openai", "virtual_key": "main-258f4d", "name": "main", "weight": 1, "resource_name": "odd"},
        {"provider": "azure-openai", "resource_name": "acme", "deployment_id": "d", "api_version": "1", "api_key": "k"},
        {"provider": "bedrock", "aws_region": "eu", "api_key": "sk-literal-2", "retry": {"attempts": 1}},
        {"provider": "ollama", "custom_host": "http://10.0.0.9:11434", "cache": {"mode": "simple"}},
        {"provider": "openai", "openai_project": "sk-literal-3", "override_params": {"model": "@groq/llama"}},
    ],
    "input_guardrails": ["pii"],
}
CAMEL: dict[str, Any] = {
    "strategy": {"mode": "conditional", "conditions": [{"query": {}, "then": "paid"}], "default": "free"},
    "targets": [
        {"name": "paid", "provider": "openai", "apiKey": "sk-literal-4", "overrideParams": {"model": "gpt-4o"}},
        {"name": "free", "virtualKey": "groq-1", "overrideParams": {"model": "small", "maxTokens": 5}},
    ],
    "requestTimeout": 5000,
    "cache": {"mode": "odd", "maxAge": 5},
    "forwardHeaders": ["a"],
}
OWN_FILE: dict[str, Any] = {
    "plugins_enabled": ["default"],
    "credentials": {"portkey": {"apiKey": "sk-literal-5"}},
    "cache": True,
    "integrations": [
        {
            "provider": "anthropic",
            "slug": "dev",
            "credentials": {"apiKey": "sk-literal-6", "region": "eu"},
            "rate_limits": [{"type": "requests", "unit": "rph", "value": 3}],
            "models": [
                {"slug": "claude", "status": "active", "pricing_config": {"a": 1}},
                {"slug": "b", "status": "x"},
            ],
        },
        {"provider": "openai", "slug": "empty", "credentials": {"apiKey": "sk-literal-7"}},
        {"provider": "bedrock", "slug": "aws", "credentials": {}, "models": [{"slug": "m"}]},
    ],
}
SOURCES: dict[str, tuple[str, Any]] = {
    "litellm": ("config.yaml", LITELLM),
    "portkey, a config": ("support.json", CONFIG),
    "portkey, camelCase": ("support.json", CAMEL),
    "portkey, one by the API": ("support.json", {"success": True, "data": {"id": "1", "config": CONFIG}}),
    "portkey, a list by the API": (
        "support.json",
        {"object": "list", "total": 1, "data": [{"slug": "pc-1", "status": "active", "config": json.dumps(CAMEL)}]},
    ),
    "portkey, the gateway's file": ("conf.json", OWN_FILE),
}
RANK = {"weight", "order"}
"""What only ranks: another value may leave the order as it is."""

Run = Callable[[Any], Outcome]


@pytest.fixture(params=SOURCES.values(), ids=SOURCES.keys())
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Run]:
    name, document = request.param
    file = tmp_path / name

    def run(changed: Any) -> Outcome:
        file.write_text(yaml.safe_dump(changed) if file.suffix == ".yaml" else json.dumps(changed))
        return read_litellm(file) if file.suffix == ".yaml" else read_portkey(file, {})

    return document, run


def test_every_path_is_in_the_result_or_on_the_list(source: tuple[Any, Run]) -> None:
    document, run = source
    before = run(document)
    lost = []
    for path, value in leaves(document):
        if path[-1] in RANK or is_told(before, written(path)):
            continue
        try:
            after = run(changed(document, path, other(value)))
        except ImportsError:
            continue  # it matters so much that nothing is left without it
        if (after.document, after.findings) == (before.document, before.findings):
            lost.append(written(path))
    assert lost == []


def test_a_key_that_nobody_knows_is_on_the_list_wherever_it_stands(source: tuple[Any, Run]) -> None:
    document, run = source
    lost = []
    for path in mappings(document):
        added = (*path, "nobody_knows")
        if not is_told(run(changed(document, added, 1)), written(added)):
            lost.append(written(added))
    assert lost == []


def test_every_finding_names_a_place_that_is_there(source: tuple[Any, Run]) -> None:
    document, run = source
    there = {written(path) for path in paths(document)} | {"services"}
    assert [each.path for each in run(document).findings if each.path not in there] == []


def test_no_key_comes_out(source: tuple[Any, Run]) -> None:
    document, run = source
    found = run(document)
    told = json.dumps([each.as_dict() for each in found.findings])
    assert not re.search(r"literal|hunter2|lf-secret", found.text + told)


def is_told(found: Outcome, path: str) -> bool:
    """Tell whether a finding names a path, or what it is in; that an entry as a whole is changed says little."""
    for each in found.findings:
        is_above = path.startswith((f"{each.path}.", f"{each.path}["))
        if each.path == path or (is_above and (each.kind == "left out" or not each.path.endswith("]"))):
            return True
    return False


def leaves(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from leaves(each, (*path, place))
    elif value not in ({}, []):
        yield path, value


def mappings(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from mappings(each, (*path, key))


def paths(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    yield path
    inner = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    for key, each in inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ():
        yield from paths(each, (*path, key))


def written(path: Path_) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value * 2 + 1 if isinstance(value, int | float) else f"{value}x"


def changed(document: Any, path: Path_, value: Any) -> Any:
    made = copy.deepcopy(document)
    place = made
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return made
