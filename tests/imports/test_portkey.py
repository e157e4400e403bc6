"""Portkey's configs: shapes of its cookbook and documentation, each named; what becomes of them, what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from tests.imports.conftest import Read

from paceline.imports import ImportsError, Outcome
from paceline.imports.portkey import read

# cookbook/getting-started/resilient-loadbalancing-with-failure-mitigating-fallbacks.md of Portkey-AI/gateway
RESILIENT: dict[str, Any] = {
    "strategy": {"mode": "loadbalance"},
    "targets": [
        {
            "virtual_key": "anthropic-prod",
            "weight": 0.3,
            "override_params": {"max_tokens": 200, "model": "claude-3-opus-20240229"},
        },
        {
            "strategy": {"mode": "fallback", "on_status_codes": [429]},
            "targets": [
                {"provider": "openai", "api_key": "sk-literal-1", "override_params": {"model": "gpt-4o"}},
                {"virtual_key": "azure-openai-prod", "override_params": {"model": "gpt-4o", "temperature": 0}},
            ],
            "weight": 0.7,
        },
    ],
}


def of(found: Outcome, kind: str) -> set[str]:
    return {each.path for each in found.findings if each.kind == kind}


def test_load_balancing_with_fallbacks_becomes_an_order(portkey: Read) -> None:
    found = portkey(RESILIENT)
    assert found.document["models"] == {
        "support": ["openai/gpt-4o", "azure-openai-prod/gpt-4o", "anthropic/claude-3-opus-20240229"]
    }
    assert found.document["providers"] == snapshot(
        {
            "openai": {"key": "env:OPENAI_API_KEY"},
            "azure-openai-prod": {
                "base_url": "https://azure-openai-prod.invalid/openai/v1",
                "key": "env:AZURE_OPENAI_PROD",
            },
            "anthropic": {"key": "env:ANTHROPIC_PROD"},
        }
    )
    assert of(found, "to do") == snapshot(
        {
            "targets[1].targets[0].api_key",
            "targets[1].targets[1]",
            "targets[1].targets[1].virtual_key",
            "targets[0].virtual_key",
            "services",
        }
    )
    assert {
        "targets[1].strategy.on_status_codes",
        "targets[0].override_params.max_tokens",
        "targets[1].targets[1].override_params.temperature",
    } <= of(found, "left out")


def test_retries_cache_and_timeout(portkey: Read) -> None:
    # cookbook: automatic-retries-on-failures.md, enable-cache.md; portkey.ai/docs, "Request timeouts"
    config = {
        "retry": {"attempts": 3, "on_status_codes": [429]},
        "cache": {"mode": "simple", "max_age": 600},
        "request_timeout": 10000,
        "input_guardrails": ["pii"],
    }
    found = portkey(config, default="openai/gpt-5.4-mini")
    assert found.document["models"] == {"support": ["openai/gpt-5.4-mini"]}
    assert found.document["use_cases"]["support"] == {
        "class": "chat",
        "model": "support",
        "deadlines": {"total": "10s"},
        "cache": {"ttl": "600s", "temperature_zero": False},
    }
    assert found.document["traffic"] == {"retry": {"attempts_max": 4}}
    assert of(found, "left out") == {"input_guardrails", "retry.on_status_codes"}
    with pytest.raises(ImportsError, match="names no provider") as told:
        portkey(config)
    assert "--default" in told.value.fix


def test_a_semantic_cache_is_none(portkey: Read) -> None:
    found = portkey({"cache": {"mode": "semantic"}}, default="openai/gpt-5.4-mini")
    assert "cache" not in found.document["use_cases"]["support"]
    assert of(found, "left out") == {"cache"}


def test_conditions_become_models(portkey: Read) -> None:
    # portkey.ai/docs/product/ai-gateway/conditional-routing, in a list as portkey.ai/docs/portkey-endpoints/configs
    config = {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"metadata.user_plan": {"$eq": "paid"}}, "then": "finetuned"}],
            "default": "base",
        },
        "targets": [
            {"name": "finetuned", "provider": "@openai-prod", "override_params": {"model": "ft:gpt-4o:acme"}},
            {"name": "base", "provider": "groq", "api_key": "gsk_literal", "override_params": {"model": "llama-3"}},
        ],
    }
    found = portkey({"object": "list", "data": [{"name": "Plans", "slug": "pc-plans-1", "config": json.dumps(config)}]})
    assert found.document["models"] == {
        "pc-plans-1": ["groq/llama-3"],
        "pc-plans-1-finetuned": ["openai/ft:gpt-4o:acme"],
    }
    assert found.document["use_cases"] == {
        "pc-plans-1": {"class": "chat", "model": "pc-plans-1", "models": ["pc-plans-1-finetuned"]}
    }
    assert "data[0].config.strategy.conditions" in of(found, "changed")


def test_a_virtual_key_is_whose_one_says(portkey: Read) -> None:
    config = {"virtual_key": "ma5xf-4x", "override_params": {"model": "small"}}
    with pytest.raises(ImportsError, match="its name does not tell"):
        portkey(config)
    found = portkey(config, {"ma5xf-4x": "mistral-ai"})
    assert found.document["models"] == {"support": ["mistral/small"]}
    assert found.document["providers"] == {"mistral": {"key": "env:MA5XF_4X"}}
    with pytest.raises(ImportsError, match="no API of a vendor called 'none'"):
        portkey(config, {"ma5xf-4x": "none"})
    with pytest.raises(ImportsError, match="no API of a vendor called 'none'"):
        portkey(config, {"ma5xf-4x": "openai"}, default="none/small")
    literal = portkey({"virtual_key": "sk-literal-openai", "override_params": {"model": "m"}})
    assert literal.document["providers"] == {"openai": {"key": "env:OPENAI_API_KEY"}}


def test_a_config_as_the_api_retrieves_it(portkey: Read) -> None:
    # portkey.ai/docs/api-reference/admin-api/control-plane/configs/retrieve-config: provider and virtual key together
    targets = [{"provider": name, "virtual_key": f"{key}-258f4d"} for name, key in (("openai", "main"), ("groq", "b"))]
    config = {"strategy": {"mode": "fallback"}, "override_params": {"model": "m"}, "targets": targets}
    found = portkey({"success": True, "data": {"config": config}})
    assert found.document["models"] == {"support": ["openai/m", "groq/m"]}
    assert found.document["providers"] == {"openai": {"key": "env:MAIN_258F4D"}, "groq": {"key": "env:B_258F4D"}}
    assert of(found, "left out") == {"success"}


def test_targets_that_are_prompts_are_said(portkey: Read) -> None:
    # cookbook/use-cases/smart-fallback-with-model-optimized-prompts.md of Portkey-AI/gateway
    targets = [{"prompt_id": name, "weight": weight} for name, weight in (("one", 0.1), ("two", 0.9))]
    with pytest.raises(ImportsError, match="prompts belong to applications") as told:
        portkey({"strategy": {"mode": "loadbalance"}, "targets": targets})
    assert "spreads calls" not in str(told.value)


def test_keys_may_be_written_in_camel_case(portkey: Read) -> None:
    # mintlify.com/portkey-AI/gateway/concepts/configs
    target = {"virtualKey": "openai-1", "overrideParams": {"model": "m", "maxTokens": 9}}
    found = portkey({"targets": [target], "requestTimeout": 5000, "cache": {"mode": "simple", "maxAge": 60}})
    assert found.document["models"] == {"support": ["openai/m"]}
    assert found.document["use_cases"]["support"] == {
        "class": "chat",
        "model": "support",
        "max_output_tokens": 9,
        "deadlines": {"total": "5s"},
        "cache": {"ttl": "60s", "temperature_zero": False},
    }
    assert of(found, "to do") == {"targets[0].virtualKey", "services"}


def test_a_single_strategy_has_one_target(portkey: Read) -> None:
    one, other = ({"provider": "openai", "api_key": "k", "override_params": {"model": name}} for name in "ab")
    found = portkey({"strategy": {"mode": "single"}, "targets": [one, other]})
    assert found.document["models"] == {"support": ["openai/a"]}
    assert "targets[1]" in of(found, "left out")


def test_own_hosts_and_azure(portkey: Read) -> None:
    found = portkey(
        {
            "strategy": {"mode": "fallback"},
            "targets": [
                {"provider": "ollama", "custom_host": "http://10.0.0.9:11434", "override_params": {"model": "qwen3"}},
                {
                    "provider": "azure-openai",
                    "resource_name": "acme",
                    "deployment_id": "gpt-4o-eu",
                    "api_version": "2024-06-01",
                    "api_key": "sk-literal-2",
                },
                {"provider": "bedrock", "aws_region": "us-east-1", "override_params": {"model": "claude"}},
                {"provider": "openai", "custom_host": "ftp://x", "override_params": {"model": "m"}},
            ],
        }
    )
    assert found.document["models"] == {"support": ["10.0.0.9-11434/qwen3", "acme/gpt-4o-eu"]}
    assert found.document["providers"] == snapshot(
        {
            "10.0.0.9-11434": {"base_url": "http://10.0.0.9:11434/v1", "engine": "ollama"},
            "acme": {"base_url": "https://acme.openai.azure.com/openai/v1", "key": "env:ACME_API_KEY"},
        }
    )
    assert {"targets[2]", "targets[3].custom_host", "targets[1].api_version"} <= of(found, "left out")


def test_the_gateways_own_file(portkey: Read) -> None:
    # conf.example.json of Portkey-AI/gateway
    found = portkey(
        {
            "admin_token": "sk-literal-admin",
            "plugins_enabled": ["default"],
            "cache": True,
            "integrations": [
                {
                    "provider": "anthropic",
                    "slug": "dev_team",
                    "credentials": {"apiKey": "sk-literal-ant"},
                    "rate_limits": [{"type": "requests", "unit": "rph", "value": 3}],
                    "models": [
                        {"slug": "claude-3-7-sonnet", "status": "active", "pricing_config": None},
                        {"slug": "claude-2", "status": "inactive"},
                    ],
                }
            ],
        }
    )
    assert found.document["models"] == {"claude-3-7-sonnet": ["anthropic/claude-3-7-sonnet"]}
    assert found.document["use_cases"] == {"general": {"class": "chat", "model": "claude-3-7-sonnet"}}
    assert {"integrations[0].rate_limits", "plugins_enabled", "admin_token", "cache"} <= of(found, "left out")


def test_an_object_of_javascript_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "config.js").write_text("{retry: {attempts: 2}, provider: 'openai', override_params: {model: 'm'},}")
    assert read(tmp_path / "config.js", {}).document["models"] == {"config": ["openai/m"]}
    (tmp_path / "config.js").write_text("{provider: process.env['X'], ...more}")
    with pytest.raises(ImportsError, match="line 1 is not JSON"):
        read(tmp_path / "config.js", {})


@pytest.mark.parametrize("document", [1, "text", [], {}])
def test_what_is_no_config_is_said(portkey: Read, document: object) -> None:
    with pytest.raises(ImportsError):
        portkey(document)
