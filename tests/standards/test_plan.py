"""From options to the plan: complete, frozen, hashed, as the gateway reads it."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from inline_snapshot import snapshot

from paceline.standards import Plan, PlanKey, load
from paceline.standards.plan import canonical, plan_hash
from paceline.standards.vendors import VENDORS, cap_field

from .conftest import SECRETS, TODAY
from .test_faults import BASE

RUST = Path(__file__).parents[2] / "crates/plan/src/document.rs"
TRAFFIC = RUST.with_name("traffic.rs")
RATES = ("requests_per_minute", "tokens_per_minute", "requests_in_flight", "usd_per_day", "usd_per_month")
KEY = PlanKey(id="k_1", sha256="00" * 32, service="desk", services=[], any_service=False, use_case=None)


def planned(text: str = BASE, **environment: str) -> Plan:
    return load(text, env={**SECRETS, **environment}, today=TODAY).plan()


def entry(plan: Plan, section: str, name: str) -> dict[str, Any]:
    return next(each for each in plan.document[section] if each["name"] == name)


def test_the_providers_of_the_example(example: str) -> None:
    document = planned(example).document
    assert [(each["name"], each["apis"], each["key"]) for each in document["providers"]] == snapshot(
        [
            ("openai", ["chat", "completions", "embeddings", "responses", "models"], "env:OPENAI_API_KEY"),
            ("anthropic", ["messages", "count_tokens", "models"], "env:ANTHROPIC_API_KEY"),
            ("house", ["chat", "completions", "embeddings", "responses", "models"], None),
        ]
    )


def test_the_deployments_of_the_example(example: str) -> None:
    document = planned(example).document
    plain = [{key: each[key] for key in each if key not in {"rates", "queue"}} for each in document["deployments"]]
    assert plain == snapshot(
        [
            {
                "name": "openai/gpt-5.4-mini",
                "provider": "openai",
                "model": "gpt-5.4-mini",
                "chat_cap_field": "max_completion_tokens",
                "price": {
                    "input": 0.75,
                    "output": 4.5,
                    "cached": 0.075,
                    "cache_write": 0.75,
                    "source": "genai-prices 0.2.3",
                },
                "bytes_per_token": 4.0,
                "priority": "none",
                "prompt_cache": "key",
                "prompt_cache_tokens_min": 1024,
            },
            {
                "name": "anthropic/claude-haiku-4-5",
                "provider": "anthropic",
                "model": "claude-haiku-4-5",
                "chat_cap_field": "max_tokens",
                "price": {
                    "input": 1.0,
                    "output": 5.0,
                    "cached": 0.1,
                    "cache_write": 1.25,
                    "source": "genai-prices 0.2.3",
                },
                "bytes_per_token": 4.0,
                "priority": "none",
                "prompt_cache": "markers",
                "prompt_cache_tokens_min": 4096,
            },
            {
                "name": "openai/gpt-5.4",
                "provider": "openai",
                "model": "gpt-5.4",
                "chat_cap_field": "max_completion_tokens",
                "price": {
                    "input": 2.5,
                    "output": 15.0,
                    "cached": 0.25,
                    "cache_write": 2.5,
                    "source": "genai-prices 0.2.3",
                },
                "bytes_per_token": 4.0,
                "priority": "none",
                "prompt_cache": "key",
                "prompt_cache_tokens_min": 1024,
            },
        ]
    )


def test_the_use_case_of_the_example(example: str) -> None:
    document = planned(example).document
    assert document["use_cases"][1] == snapshot(
        {
            "name": "code-complete",
            "class": "autocomplete",
            "model": "small",
            "models": ["small"],
            "max_output_tokens": 64,
            "cap_learned": False,
            "deadlines": {"connect_ms": 1000, "first_token_ms": 2000, "stall_ms": 1000, "total_ms": 3000},
            "limits": [
                {"metric": "total_ms", "percentile": "p50", "value": 200.0},
                {"metric": "total_ms", "percentile": "p95", "value": 400.0},
                {"metric": "total_ms", "percentile": "p99", "value": 1000.0},
            ],
            "lane": "interactive",
            "rates": {
                "requests_per_minute": None,
                "tokens_per_minute": None,
                "requests_in_flight": None,
                "usd_per_day": None,
                "usd_per_month": None,
            },
            "fallback": "any",
            "hedge": None,
            "cache": None,
            "prompt_cache": True,
            "stream_upstream": False,
            "capture": None,
        }
    )


def test_the_services_of_the_example(example: str) -> None:
    document = planned(example).document
    assert document["services"] == snapshot(
        [
            {
                "name": "helpdesk",
                "owner": "support",
                "mode": "warn",
                "use_cases": ["support-chat"],
                "default_use_case": "support-chat",
                "rates": {
                    "requests_per_minute": None,
                    "tokens_per_minute": None,
                    "requests_in_flight": None,
                    "usd_per_day": None,
                    "usd_per_month": None,
                },
            }
        ]
    )


def test_the_gateway_of_the_example(example: str) -> None:
    document = planned(example).document
    assert document["gateway"] == snapshot(
        {
            "body_bytes_max": 33554432,
            "head_bytes_max": 65536,
            "headers_max": 100,
            "head_read_ms": 10000,
            "body_read_ms": 60000,
            "connections_max": 10000,
            "connections_per_address_max": 0,
            "requests_in_flight_max": 4096,
            "idle_connections_per_provider_max": 256,
            "idle_connection_ms": 50000,
            "connection_age_max_ms": 300000,
            "drain_ms": 30000,
            "label_sets_max": 1000,
            "answer_scan_bytes_max": 8388608,
            "tls": None,
            "journal": {"segment_bytes": 8388608, "bytes_max": 1073741824, "sync_ms": 1000, "when_full": "serve"},
        }
    )


def test_the_document_has_exactly_the_fields_that_the_gateway_reads() -> None:
    structs = {
        name: re.findall(r"pub (\w+):", body)
        for path in (RUST, TRAFFIC)
        for name, body in re.findall(r"pub struct (\w+) \{(.*?)\n\}", path.read_text(encoding="utf-8"), re.DOTALL)
    }
    text = BASE.replace("task: chat}", "task: chat, hedge: true, cache: 1h}")
    text += "gateway: {tls: {certificate: c.pem, key: k.pem}}\n"
    plan = load(text, env=SECRETS, today=TODAY).plan([KEY])
    document = plan.document
    parts = {
        "Document": document,
        "Gateway": document["gateway"],
        "Tls": document["gateway"]["tls"],
        "Journal": document["gateway"]["journal"],
        "Provider": document["providers"][0],
        "Deployment": document["deployments"][0],
        "Price": document["deployments"][0]["price"],
        "Model": document["models"][0],
        "Task": document["tasks"][0],
        "UseCase": document["use_cases"][0],
        "Deadlines": document["use_cases"][0]["deadlines"],
        "Limit": document["use_cases"][0]["limits"][0],
        "Team": document["teams"][0],
        "Service": document["services"][0],
        "Key": document["keys"][0],
        "Rates": document["services"][0]["rates"],
        "Traffic": document["traffic"],
        "Retry": document["traffic"]["retry"],
        "Breaker": document["traffic"]["breaker"],
        "Outlier": document["traffic"]["outlier"],
        "CacheStore": document["traffic"]["cache"],
        "Queue": document["deployments"][0]["queue"],
        "Hedge": document["use_cases"][0]["hedge"],
        "CacheRule": document["use_cases"][0]["cache"],
    }
    assert set(parts) == set(structs)
    for name, part in parts.items():
        assert set(part) == set(structs[name]), name


def defaults(path: Path, struct: str) -> list[tuple[str, float]]:
    """The numbers of a Rust `Default`, in their order."""
    body = re.search(
        rf"impl Default for {struct} \{{.*?Self \{{(.*?)\n    \}}\n", path.read_text(encoding="utf-8"), re.DOTALL
    )
    assert body
    found = re.findall(r"(\w+): ([0-9][0-9_.]*)(?: << ([0-9]+))?", body[1])
    return [(name, float(number.replace("_", "")) * 2 ** int(shift or 0)) for name, number, shift in found]


def numbers(part: Any) -> dict[str, float]:
    """The numbers of a part of the plan and of the parts within it, by name."""
    flat: dict[str, float] = {}
    for name, value in part.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in numbers(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[name] = float(value)
    return flat


@pytest.mark.parametrize(("path", "struct"), [(RUST, "Gateway"), (TRAFFIC, "Traffic"), (TRAFFIC, "Queue")])
def test_the_gateways_own_defaults_are_these(path: Path, struct: str) -> None:
    document = planned().document
    part = {
        "Gateway": document["gateway"],
        "Traffic": document["traffic"],
        "Queue": document["deployments"][0]["queue"],
    }
    ours = sorted((name.rpartition(".")[2], value) for name, value in numbers(part[struct]).items())
    assert sorted(defaults(path, struct)) == ours


def test_the_gateways_own_words_are_the_defaults() -> None:
    document = planned().document
    assert "unknown_price: UnknownPrice::Allow" in TRAFFIC.read_text(encoding="utf-8")
    assert "when_full: WhenFull::Serve" in RUST.read_text(encoding="utf-8")
    assert (document["traffic"]["unknown_price"], document["gateway"]["journal"]["when_full"]) == ("allow", "serve")
    assert (document["traffic"]["cache"]["url"], document["gateway"]["tls"]) == (None, None)


def test_the_hash_is_over_the_canonical_text_without_itself() -> None:
    plan = planned()
    text = json.dumps(
        {key: value for key, value in plan.document.items() if key != "hash"},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert plan.hash == hashlib.sha256(text.encode()).hexdigest() == plan_hash(plan.document)
    assert plan.hash8 == int.from_bytes(bytes.fromhex(plan.hash)[:8], "big")
    assert json.loads(plan.json_bytes)["hash"] == plan.hash


def test_the_same_options_give_the_same_bytes_and_any_change_another_hash() -> None:
    assert planned().json_bytes == planned().json_bytes
    assert planned().hash != planned(BASE + "organisation: Ümläut\n").hash
    assert planned(PACELINE_GATEWAY__DRAIN="31s").hash != planned(PACELINE_GATEWAY__DRAIN="32s").hash


def test_text_stays_as_it_is_in_canonical_json() -> None:
    assert canonical({"b": "é\n", "a": [1.0, None, True]}) == '{"a":[1.0,null,true],"b":"é\\n"}'.encode()


def test_vendors_need_no_further_key() -> None:
    text = BASE.replace("{openai: {}}", f"{{{', '.join(f'{name}: {{}}' for name in VENDORS)}}}")
    plan = planned(text)
    for name, vendor in VENDORS.items():
        provider = entry(plan, "providers", name)
        assert (provider["base_url"], provider["key"], provider["dialect"]) == (
            vendor.base_url,
            vendor.key,
            vendor.dialect,
        )
    assert entry(plan, "providers", "anthropic")["headers"] == [["anthropic-version", "2023-06-01"]]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("{}", "env:OPENAI_API_KEY"),
        ("{base_url: 'http://127.0.0.1:4199/v1'}", None),
        ("{base_url: 'http://127.0.0.1:4199/v1', key: env:MINE}", "env:MINE"),
        ("{key: null}", None),
        ("{key: 'file:/run/secrets/openai'}", "file:/run/secrets/openai"),
    ],
)
def test_a_vendors_secret_goes_to_another_address_only_when_told_so(written: str, key: str | None) -> None:
    assert entry(planned(BASE.replace("openai: {}", f"openai: {written}")), "providers", "openai")["key"] == key


@pytest.mark.parametrize(
    ("provider", "apis", "dialect"),
    [
        (
            "{base_url: 'http://x/v1', engine: vllm}",
            ["chat", "completions", "embeddings", "responses", "models"],
            "openai",
        ),
        ("{base_url: 'http://x/v1', engine: tgi}", ["chat", "completions", "models"], "openai"),
        ("{base_url: 'http://x/v1'}", ["chat", "completions", "embeddings", "models"], "openai"),
        ("{base_url: 'http://x/v1', dialect: anthropic}", ["messages", "count_tokens", "models"], "anthropic"),
        ("{base_url: 'http://x/v1', apis: [chat, chat]}", ["chat"], "openai"),
        ("{vendor: anthropic}", ["messages", "count_tokens", "models"], "anthropic"),
    ],
)
def test_apis_come_from_vendor_and_engine(provider: str, apis: list[str], dialect: str) -> None:
    found = entry(planned(BASE.replace("openai: {}", f"openai: {{}}, house: {provider}")), "providers", "house")
    assert (found["apis"], found["dialect"]) == (apis, dialect)


def test_fixed_headers_are_lower_case_and_win_over_the_vendors() -> None:
    text = BASE.replace("openai: {}", "openai: {}, anthropic: {headers: {Anthropic-Version: '2024-01-01', X-A: b}}")
    assert entry(planned(text), "providers", "anthropic")["headers"] == [
        ["anthropic-version", "2024-01-01"],
        ["x-a", "b"],
    ]


@pytest.mark.parametrize(
    ("vendor", "model", "field"),
    [
        ("openai", "gpt-5.4-mini", "max_completion_tokens"),
        ("openai", "o4-mini", "max_completion_tokens"),
        ("openai", "gpt-6", "max_completion_tokens"),
        ("openai", "gpt-4.1-mini", "max_tokens"),
        ("openai", "gpt-4o", "max_tokens"),
        ("openai", "ft:gpt-4o-mini:acme", "max_tokens"),
        ("openai", "gpt-3.5-turbo", "max_tokens"),
        ("groq", "openai/gpt-oss-120b", "max_tokens"),
        (None, "gpt-5", "max_tokens"),
    ],
)
def test_the_caps_field_by_model_family(vendor: str | None, model: str, field: str) -> None:
    assert cap_field(vendor, "openai", model) == field
    assert cap_field(vendor, "anthropic", model) == "max_tokens"


def deployment(written: str, extra: str = "") -> dict[str, Any]:
    found: dict[str, Any] = planned(BASE.replace("openai/gpt-5.4-mini", written) + extra).document["deployments"][0]
    return found


def test_a_price_from_the_catalogue_names_its_source() -> None:
    price = deployment("openai/gpt-5.4-mini")["price"]
    assert price == {
        "input": 0.75,
        "output": 4.5,
        "cached": 0.075,
        "cache_write": 0.75,
        "source": snapshot("genai-prices 0.2.3"),
    }


def test_a_price_that_varies_by_hour_is_the_one_at_noon() -> None:
    text = BASE.replace("openai: {}", "deepseek: {}").replace("openai/gpt-5.4-mini", "deepseek/deepseek-chat")
    prices = {
        json.dumps(load(text, env={}).plan(today=date(2026, 11, day)).document["deployments"][0]["price"])
        for day in range(1, 29)
    }
    assert len(prices) == 1


def test_an_unknown_price_is_unknown_and_listed() -> None:
    plan = planned(BASE.replace("openai/gpt-5.4-mini", "openai/no-such-model"))
    assert plan.document["deployments"][0]["price"] is None
    assert plan.unpriced == ("openai/no-such-model",)


def test_an_embedding_has_no_price_for_output() -> None:
    assert deployment("openai/text-embedding-3-small")["price"]["output"] == 0


@pytest.mark.parametrize(
    ("written", "extra"),
    [
        ("{deployment: openai/gpt-5.4-mini, price: {input: $1, output: '2 USD'}}", ""),
        ("openai/gpt-5.4-mini", "prices: {openai/gpt-5.4-mini: {input: 1, output: 2.0}}\n"),
        (
            "{deployment: openai/gpt-5.4-mini, price: {input: 1, output: 2}}",
            "prices: {openai/gpt-5.4-mini: {input: 8, output: 9}}\n",
        ),
    ],
)
def test_a_contract_price_wins(written: str, extra: str) -> None:
    assert deployment(f"[{written}]", extra)["price"] == {
        "input": 1.0,
        "output": 2.0,
        "cached": 1.0,
        "cache_write": 1.0,
        "source": "standards file",
    }


def test_a_deployment_described_once_and_named_twice() -> None:
    models = "{small: [{deployment: openai/x, bytes_per_token: 3, cap_field: max_tokens}], large: openai/x}"
    plan = planned(BASE.replace("{small: openai/gpt-5.4-mini}", models))
    assert [(each["name"], each["bytes_per_token"]) for each in plan.document["deployments"]] == [("openai/x", 3)]
    assert plan.document["deployments"][0]["chat_cap_field"] == "max_tokens"


def test_models_of_a_use_case() -> None:
    text = BASE.replace("{small: openai/gpt-5.4-mini}", "{small: openai/a, large: openai/b, tiny: openai/c}")
    text = text.replace("{class: chat, task: chat}", "{task: chat, model: tiny, models: [large, tiny]}")
    use_case = planned(text).document["use_cases"][0]
    assert (use_case["model"], use_case["models"]) == ("tiny", ["tiny", "large"])


def test_services() -> None:
    text = BASE.replace("{class: chat, task: chat}}", "{task: chat}, more: {task: chat}}")
    text = text.replace("use_cases: [talk]", "use_cases: [talk, more]")
    assert entry(planned(text), "services", "desk")["default_use_case"] is None
    marked = text.replace("[talk, more]", "[talk, more], default_use_case: more")
    assert entry(planned(marked), "services", "desk")["default_use_case"] == "more"
    assert entry(planned(), "services", "desk") == {
        "name": "desk",
        "owner": "support",
        "mode": "warn",
        "use_cases": ["talk"],
        "default_use_case": "talk",
        "rates": dict.fromkeys(RATES),
    }
    assert entry(planned(BASE + "policy: {mode: enforce}\n"), "services", "desk")["mode"] == "enforce"


def test_limits_and_owner_are_those_of_the_plan() -> None:
    plan = planned()
    assert plan.owner("desk") == "support"
    assert plan.limits("talk")[0] == {"metric": "ttft_ms", "percentile": "p95", "value": 1000.0}


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"service": "gone"}, False),
        ({"service": None, "services": ["gone"]}, False),
        ({"service": None, "services": ["gone", "desk"]}, True),
        ({"service": None, "any_service": True}, True),
        ({"use_case": "gone"}, True),
    ],
)
def test_keys_of_what_is_gone(change: dict[str, Any], kept: bool) -> None:
    plan = load(BASE, env=SECRETS).plan([PlanKey(**{**KEY, **change})])  # type: ignore[typeddict-item]
    assert plan.left_out == (() if kept else ("k_1",))
    for key in plan.document["keys"]:
        assert set(key["services"]) <= {"desk"}
        assert key["use_case"] is None


def test_the_gateway_accepts_the_example(example: str, core: ModuleType) -> None:
    plan = planned(example)
    assert core.check_plan(plan.json_bytes) == plan.hash


def test_the_gateway_accepts_every_vendor_class_and_key(core: ModuleType) -> None:
    text = BASE.replace("{openai: {}}", f"{{{', '.join(f'{name}: {{}}' for name in VENDORS)}}}")
    text += 'organisation: Ümläut & "quotes" \\ 漢字 \U0001f600\ngateway: {tls: {certificate: c, key: k}}\n'
    plan = load(text, env=SECRETS).plan([KEY])
    assert core.check_plan(plan.json_bytes) == plan.hash
