"""LiteLLM's configuration: shapes of its own documentation, each page named; what becomes of them, what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot
from tests.imports.conftest import Read, proven

from paceline.imports import Finding, ImportsError, Outcome
from paceline.imports.findings import grouped
from paceline.imports.litellm import read as read_litellm

# docs.litellm.ai/docs/proxy/configs: several deployments of a name, providers that are not spoken, a wildcard
OVERVIEW = """\
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://acme-europe.openai.azure.com/
      api_key: os.environ/AZURE_API_KEY_EU
      rpm: 6
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-ca
      api_base: https://acme-canada.openai.azure.com/
      api_key: os.environ/AZURE_API_KEY_CA
      rpm: 60
  - model_name: bedrock-claude
    litellm_params: {model: bedrock/anthropic.claude-instant-v1, aws_region_name: us-east-1}
  - model_name: vllm-models
    litellm_params: {model: openai/facebook/opt-125m, api_base: "http://10.0.0.5:4000/v1", api_key: none, rpm: 1440}
    model_info: {version: 2}
  - model_name: "*"
    litellm_params: {model: "*"}
litellm_settings:
  drop_params: True
  success_callback: ["langfuse"]
general_settings:
  master_key: sk-literal-master
  alerting: ["slack"]
"""

# docs.litellm.ai/docs/proxy/reliability: fallbacks between models, retries, cooldowns
RELIABILITY = """\
model_list:
  - model_name: zephyr-beta
    litellm_params: {model: huggingface/HuggingFaceH4/zephyr-7b-beta, api_base: "http://10.0.0.6:8001"}
  - model_name: zephyr-beta
    litellm_params: {model: huggingface/HuggingFaceH4/zephyr-7b-beta, api_base: "http://10.0.0.6:8002"}
  - {model_name: gpt-3.5-turbo, litellm_params: {model: gpt-3.5-turbo, api_key: sk-literal-1}, model_info: {id: my-id}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-3-opus-20240229, api_key: os.environ/CLAUDE_KEY}}
litellm_settings:
  num_retries: 3
  request_timeout: 10
  fallbacks: [{"zephyr-beta": ["gpt-3.5-turbo"]}, {"gpt-3.5-turbo": ["claude"]}, {"no-such": ["claude"]}]
  context_window_fallbacks: [{"zephyr-beta": ["claude"]}]
  allowed_fails: 3
  cooldown_time: 30
router_settings:
  routing_strategy: latency-based-routing
  model_group_alias: {"gpt-4": "zephyr-beta", "hidden": {"model": "gpt-3.5-turbo", "hidden": true}}
"""


def of(found: Outcome, kind: str) -> dict[str, str]:
    return {each.path: each.why for each in found.findings if each.kind == kind}


def test_the_overview_of_the_documentation(litellm: Read) -> None:
    found = litellm(OVERVIEW)
    assert found.document["providers"] == snapshot(
        {
            "acme-europe": {
                "base_url": "https://acme-europe.openai.azure.com/openai/v1",
                "key": "env:AZURE_API_KEY_EU",
            },
            "acme-canada": {
                "base_url": "https://acme-canada.openai.azure.com/openai/v1",
                "key": "env:AZURE_API_KEY_CA",
            },
            "10.0.0.5-4000": {"base_url": "http://10.0.0.5:4000/v1"},
        }
    )
    assert found.document["models"] == snapshot(
        {
            "gpt-4o": [
                {"deployment": "acme-canada/gpt-4o-ca", "limits": {"requests_per_minute": 60}},
                {"deployment": "acme-europe/gpt-4o-eu", "limits": {"requests_per_minute": 6}},
            ],
            "vllm-models": [{"deployment": "10.0.0.5-4000/facebook/opt-125m", "limits": {"requests_per_minute": 1440}}],
        }
    )
    assert found.document["services"] == {
        "all-callers": {"owner": "platform", "use_cases": ["general"], "mode": "observe"}
    }
    assert found.document["teams"] == {"platform": {"alerts": [{"slack": "env:SLACK_WEBHOOK_URL"}]}}
    assert of(found, "left out").keys() == snapshot(
        {
            "model_list[2]",
            "model_list[3].model_info.version",
            "model_list[4]",
            "litellm_settings.drop_params",
            "litellm_settings.success_callback",
            "general_settings.master_key",
        }
    )


def test_reliability(litellm: Read) -> None:
    found = litellm(RELIABILITY)
    assert found.document["models"] == snapshot(
        {
            "zephyr-beta": [
                "10.0.0.6-8001/HuggingFaceH4/zephyr-7b-beta",
                "10.0.0.6-8002/HuggingFaceH4/zephyr-7b-beta",
                "openai/gpt-3.5-turbo",
            ],
            "gpt-3.5-turbo": ["openai/gpt-3.5-turbo"],
            "claude": ["anthropic/claude-3-opus-20240229"],
            "gpt-4": [
                "10.0.0.6-8001/HuggingFaceH4/zephyr-7b-beta",
                "10.0.0.6-8002/HuggingFaceH4/zephyr-7b-beta",
            ],
            "hidden": ["openai/gpt-3.5-turbo"],
        }
    )
    assert found.document["traffic"] == {"retry": {"attempts_max": 4}, "breaker": {"open": "30s"}}
    assert found.document["use_cases"]["general"]["deadlines"] == {"total": "10s"}
    whys = [each.why for each in found.findings if each.path == "litellm_settings.fallbacks"]
    assert whys == snapshot(
        [
            "a request falls back among the deployments of its model: those of the other model are added to it",
            "one speaks OpenAI's API, the other Anthropic's: neither can take over",
            "it names a model that is not there, or could not be carried over",
        ]
    )
    assert "litellm_settings.context_window_fallbacks" in of(found, "left out")


def test_a_key_in_the_file_becomes_the_name_of_a_variable(litellm: Read) -> None:
    found = litellm(
        """\
model_list:
  - {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: sk-literal-1}}
  - {model_name: b, litellm_params: {model: openai/gpt-4o, api_key: sk-literal-2}}
  - {model_name: c, litellm_params: {model: openai/gpt-4o-mini, api_key: sk-literal-1}}
  - {model_name: d, litellm_params: {model: openai/gpt-4o, api_key: os.environ/TEAM_KEY, organization: org-1}}
  - model_name: e
    litellm_params:
      model: openai/m
      api_base: https://llm.acme.example/v1
      api_key: sk-literal-3
      headers: {Authorization: sk-literal-4, X-Lab: blue}
environment_variables: {LANGFUSE_SECRET_KEY: lf-secret}
"""
    )
    assert found.document["providers"] == snapshot(
        {
            "openai": {"key": "env:OPENAI_API_KEY"},
            "openai-2": {"vendor": "openai", "key": "env:OPENAI_API_KEY_2"},
            "openai-3": {
                "vendor": "openai",
                "key": "env:TEAM_KEY",
                "headers": {"openai-organization": "org-1"},
            },
            "llm": {
                "base_url": "https://llm.acme.example/v1",
                "key": "env:LLM_API_KEY",
                "headers": {"x-lab": "blue"},
            },
        }
    )
    assert found.document["models"]["c"] == ["openai/gpt-4o-mini"]
    to_do = [each for each in found.findings if each.kind == "to do" and each.path.endswith("api_key")]
    assert to_do[0].path == "model_list[0].litellm_params.api_key"
    assert "OPENAI_API_KEY_2" in to_do[1].instead
    assert "model_list[4].litellm_params.headers" in of(found, "left out")


def test_prices_limits_and_budgets(litellm: Read) -> None:
    # docs.litellm.ai/docs/proxy/custom_pricing, /load_balancing, /provider_budget_routing, /users
    found = litellm(
        """\
model_list:
  - model_name: prod/Claude 3.5
    litellm_params:
      {model: anthropic/claude-3-5-sonnet-20241022, max_parallel_requests: 8, max_budget: 100, budget_duration: 1d}
    model_info: {input_cost_per_token: 0.000006, output_cost_per_token: 0.00003, cache_read_input_token_cost: 0.0000006}
  - {model_name: gpt-4, litellm_params: {model: gpt-4, max_budget: 5, budget_duration: 10d}, rpm: 60, tpm: 90000}
litellm_settings: {max_budget: 1000, budget_duration: 30d}
general_settings: {max_parallel_requests: 20, global_max_parallel_requests: 500, max_request_size_mb: 16}
"""
    )
    assert found.document["models"] == snapshot(
        {
            "prod-claude-3.5": [
                {
                    "deployment": "anthropic/claude-3-5-sonnet-20241022",
                    "limits": {"requests_in_flight": 8, "usd_per_day": 100},
                    "price": {"input": 6.0, "output": 30.0, "cached": 0.6},
                }
            ],
            "gpt-4": [
                {
                    "deployment": "openai/gpt-4",
                    "limits": {"requests_per_minute": 60, "tokens_per_minute": 90000, "requests_in_flight": 20},
                }
            ],
        }
    )
    assert found.document["use_cases"]["general"]["limits"] == {"usd_per_month": 1000}
    assert found.document["gateway"] == {"requests_in_flight_max": 500, "body_bytes_max": "16MB"}
    assert "callers must say `prod-claude-3.5`" in [each.instead for each in found.findings]
    assert "model_list[1].litellm_params.max_budget" in of(found, "left out")


@pytest.mark.parametrize(
    ("params", "use_case", "said"),
    [
        ("cache: true, cache_params: {type: redis, host: h, password: hunter2, ttl: 600}", "600s", "to do"),
        ("cache: true, cache_params: {type: local}", None, "changed"),
        ("cache: true, cache_params: {type: s3, s3_bucket_name: b, ttl: 60}", "60s", "left out"),
    ],
)
def test_caches(litellm: Read, params: str, use_case: str | None, said: str) -> None:
    # docs.litellm.ai/docs/proxy/caching
    found = litellm(
        f"model_list: [{{model_name: a, litellm_params: {{model: gpt-4o}}}}]\nlitellm_settings: {{{params}}}\n"
    )
    cache = found.document["use_cases"]["general"]["cache"]
    assert cache == ({"ttl": use_case} if use_case else {}) | {"temperature_zero": False}
    assert any(path.startswith("litellm_settings.cache_params") for path in of(found, said))


@pytest.mark.parametrize(
    "params", ["type: qdrant-semantic, similarity_threshold: 0.8", "type: redis, mode: default_off"]
)
def test_a_cache_of_similar_requests_or_on_demand_is_none(litellm: Read, params: str) -> None:
    text = f"litellm_settings: {{cache: true, cache_params: {{{params}}}}}\n"
    found = litellm(f"model_list: [{{model_name: a, litellm_params: {{model: gpt-4o}}}}]\n{text}")
    assert "cache" not in found.document["use_cases"]["general"]


def test_timeouts_are_deadlines_where_all_agree(litellm: Read) -> None:
    # docs.litellm.ai/docs/proxy/timeout
    both = "{model_name: %s, litellm_params: {model: openai/%s, timeout: %s, stream_timeout: %s}}"
    same = litellm(f"model_list:\n  - {both % ('a', 'x', 300, 60)}\n  - {both % ('b', 'y', 300, 60)}\n")
    assert same.document["use_cases"]["general"]["deadlines"] == {"first_token": "60s", "total": "300s"}
    other = litellm(f"model_list:\n  - {both % ('a', 'x', 300, 0.01)}\n  - {both % ('b', 'y', 30, 0.01)}\n")
    assert "deadlines" not in other.document["use_cases"]["general"]
    assert of(other, "left out").keys() == {
        f"model_list[{place}].litellm_params.{key}" for place in (0, 1) for key in ("timeout", "stream_timeout")
    }


def test_a_bound_of_all_stands_where_a_deployment_is_described(litellm: Read) -> None:
    found = litellm(
        """\
model_list:
  - {model_name: a, litellm_params: {model: openai/gpt-4o}}
  - {model_name: b, litellm_params: {model: openai/gpt-4o-mini, rpm: 10}}
litellm_settings: {fallbacks: [{a: [b]}]}
router_settings: {default_max_parallel_requests: 7}
"""
    )
    assert found.document["models"] == snapshot(
        {
            "a": [{"deployment": "openai/gpt-4o", "limits": {"requests_in_flight": 7}}, "openai/gpt-4o-mini"],
            "b": [{"deployment": "openai/gpt-4o-mini", "limits": {"requests_per_minute": 10, "requests_in_flight": 7}}],
        }
    )


def test_teams_of_the_file_own_a_service_each(litellm: Read) -> None:
    # docs.litellm.ai/docs/proxy/team_budgets, /team_logging
    found = litellm(
        """\
model_list: [{model_name: a, litellm_params: {model: gpt-4o}}]
litellm_settings:
  default_team_settings:
    - {team_id: Team One, max_budget: 100.0, budget_duration: 30d}
    - {team_id: team-2, success_callback: ["langfuse"], langfuse_secret: lf-secret}
"""
    )
    assert found.document["teams"] == {"team-one": {"limits": {"usd_per_month": 100.0}}, "team-2": {}}
    assert [each["owner"] for each in found.document["services"].values()] == ["team-one", "team-2"]


def test_addresses_in_variables(litellm: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "model_list: [{model_name: a, litellm_params: {model: azure/gpt, api_base: os.environ/AZURE_API_BASE}}]\n"
    monkeypatch.delenv("AZURE_API_BASE", raising=False)
    found = litellm(text)
    assert found.document["providers"]["azure-api-base"]["base_url"] == "https://azure-api-base.invalid/openai/v1"
    assert "model_list[0].litellm_params.api_base" in of(found, "to do")
    monkeypatch.setenv("AZURE_API_BASE", "https://acme.openai.azure.com")
    assert litellm(text).document["providers"]["acme"]["base_url"] == "https://acme.openai.azure.com/openai/v1"


def test_a_key_never_gets_the_name_of_another(litellm: Read) -> None:
    found = litellm(
        """\
model_list:
  - {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: sk-literal-1}}
  - {model_name: b, litellm_params: {model: gpt-4}}
  - {model_name: c, litellm_params: {model: groq/llama, api_key: sk-literal-2}}
  - {model_name: d, litellm_params: {model: groq/qwen, api_key: os.environ/GROQ_API_KEY}}
"""
    )
    assert [each["key"] for each in found.document["providers"].values()] == [
        *("env:OPENAI_API_KEY_2", "env:OPENAI_API_KEY", "env:GROQ_API_KEY_2", "env:GROQ_API_KEY")
    ]


def test_credentials_are_those_of_their_entries(litellm: Read) -> None:
    # docs.litellm.ai/docs/proxy/configs, "Centralized credential management"
    found = litellm(
        """\
model_list:
  - {model_name: a, litellm_params: {model: azure/gpt-4o, litellm_credential_name: ours}}
  - {model_name: b, litellm_params: {model: azure/gpt-5, litellm_credential_name: ours}}
credential_list:
  - credential_name: ours
    credential_values: {api_key: sk-literal-1, api_base: "https://acme.openai.azure.com/", api_version: "2024-06-01"}
"""
    )
    assert found.document["models"] == {"a": ["acme/gpt-4o"], "b": ["acme/gpt-5"]}
    assert "credential_list[0].credential_values.api_key" in of(found, "to do")
    assert "credential_list[0].credential_values.api_version" in of(found, "left out")


def test_a_vendors_host_that_speaks_another_dialect_is_an_address(litellm: Read) -> None:
    both = "{model_name: %s, litellm_params: {model: %s, api_base: %s, api_key: os.environ/CLAUDE}}"
    found = litellm(
        f"model_list:\n  - {both % ('a', 'openai/claude-4', 'https://api.anthropic.com/v1')}\n"
        f"  - {both % ('b', 'anthropic/claude-4', 'https://api.anthropic.com')}\n"
    )
    assert found.document["providers"] == {
        "at-anthropic": {"base_url": "https://api.anthropic.com/v1", "key": "env:CLAUDE"},
        "anthropic": {"key": "env:CLAUDE"},
    }


def test_vendors_that_speak_openais_api_have_their_address(litellm: Read) -> None:
    # docs.litellm.ai/docs/providers/nvidia_nim
    found = litellm("model_list: [{model_name: a, litellm_params: {model: nvidia_nim/meta/llama3-70b-instruct}}]\n")
    assert found.document["models"] == {"a": ["nvidia-nim/meta/llama3-70b-instruct"]}
    assert found.document["providers"] == {
        "nvidia-nim": {"base_url": "https://integrate.api.nvidia.com/v1", "key": "env:NVIDIA_NIM_API_KEY"}
    }


def test_included_files_and_folders_are_one(litellm: Read, tmp_path: Path) -> None:
    # docs.litellm.ai/docs/proxy/config_management
    (tmp_path / "models.yaml").write_text("model_list: [{model_name: a, litellm_params: {model: gpt-4o}}]\n")
    (tmp_path / "compose.yml").write_text("services: {web: {image: nginx}}\n")
    found = litellm("include: [models.yaml]\nlitellm_settings: {num_retries: 1}\n")
    assert list(found.document["models"]) == ["a"]
    assert proven(read_litellm(tmp_path)).document == found.document


def test_the_gateways_own_example(litellm: Read) -> None:
    # proxy_server_config.yaml of BerriAI/litellm: the same kinds of entries, cut down
    found = litellm(
        """\
model_list:
  - model_name: fake-2
    litellm_params: {model: openai/my-fake, api_key: k, api_base: "https://fake.example.com/", stream_timeout: 0.001}
  - model_name: text-embedding-ada-002
    litellm_params: {model: azure/azure-embedding, api_base: "https://a.openai.azure.com/"}
    model_info: {mode: embedding, base_model: text-embedding-ada-002}
  - {model_name: dall-e-3, litellm_params: {model: dall-e-3}}
  - {model_name: sagemaker, litellm_params: {model: sagemaker/llama, input_cost_per_second: 0.00042}}
  - {model_name: "groq/*", litellm_params: {model: "groq/*", api_key: os.environ/GROQ_API_KEY}}
  - {model_name: instruct, litellm_params: {model: text-completion-openai/gpt-3.5-turbo-instruct}}
router_settings: {routing_strategy: usage-based-routing-v2, redis_host: h, enable_pre_call_checks: true}
general_settings:
  store_model_in_db: True
  pass_through_endpoints: [{path: /v1/rerank, target: "https://api.cohere.com/v1/rerank"}]
finetune_settings: [{custom_llm_provider: openai, api_key: sk-literal-9}]
"""
    )
    assert list(found.document["models"]) == ["fake-2", "text-embedding-ada-002", "instruct"]
    assert found.document["use_cases"]["general"]["model"] == "fake-2"
    assert {"finetune_settings", "general_settings.pass_through_endpoints"} <= of(found, "left out").keys()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a: [", "line 1 is not YAML"),
        ("services: {}", "has no `model_list`"),
        ("- 1", "is no mapping of settings"),
        ("model_list: []", "no model of it can be carried over"),
        ("model_list: [{model_name: a, litellm_params: {model: bedrock/x}}]", "paceline does not speak bedrock's API"),
    ],
)
def test_what_cannot_be_used_is_said(litellm: Read, text: str, wrong: str) -> None:
    with pytest.raises(ImportsError, match=wrong):
        litellm(text)


def test_findings_of_one_kind_are_told_once() -> None:
    found = [Finding("left out", f"a[{place}]", "why", "do") for place in range(3)] + [Finding("changed", "b", "w", "")]
    assert [(first.path, others) for first, others in grouped(found)] == [("a[0]", ["a[1]", "a[2]"]), ("b", [])]
