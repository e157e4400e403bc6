"""Limits, lanes, hedges, caches and the rest of the traffic rules: how they are written, inherited and planned."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from paceline.standards import Code, PlanKey, load
from paceline.standards.classes import BUILT_IN
from paceline.standards.limits import Terms
from paceline.standards.prompt_caches import PROMPT_CACHES, prompt_cache
from paceline.standards.vendors import ENGINES, VENDORS

from .conftest import SECRETS, TODAY
from .test_faults import BASE, found
from .test_plan import RATES, entry, planned

HOUR_MS = 3_600_000
HEDGE = {"floor_ms": 200, "ceiling_ms": 5000, "requests_share": 0.02, "cost_share": 0.02}
CACHE = {"ttl_ms": HOUR_MS, "stale_if_error_ms": 0, "scope": "service", "temperature_zero": True, "tool_calls": False}


def terms_of(use_case: str, extra: str = "") -> Terms:
    text = BASE.replace("{class: chat, task: chat}", use_case) + extra
    return load(text, env=SECRETS, today=TODAY).sound().use_cases["talk"]


def use_case_of(use_case: str, extra: str = "") -> dict[str, Any]:
    return entry(planned(BASE.replace("{class: chat, task: chat}", use_case) + extra), "use_cases", "talk")


def provider_of(written: str) -> dict[str, Any]:
    text = BASE.replace("{openai: {}}", f"{{openai: {{}}, house: {{base_url: 'http://x/v1'{written}}}}}")
    return entry(planned(text), "providers", "house")


def test_limits_are_those_of_who_they_are_written_for() -> None:
    text = BASE.replace('support: {contact: "#s"}', "support: {limits: {usd_per_month: $900}}")
    text = text.replace("task: chat}", "task: chat, limits: {tokens_per_minute: 1000}}")
    text = text.replace("use_cases: [talk]", "use_cases: [talk], limits: {requests_per_minute: 60, usd_per_day: 2.5}")
    text = text.replace("openai/gpt-5.4-mini", "[{deployment: openai/m, limits: {requests_in_flight: 8}}]")
    key = PlanKey(id="k", sha256="00" * 32, service="desk", services=[], any_service=False, use_case=None)
    key["rates"] = {**dict.fromkeys(RATES), "requests_per_minute": 5}  # type: ignore[typeddict-item]
    plan = load(text, env=SECRETS, today=TODAY).plan([key])
    none = dict.fromkeys(RATES)
    assert entry(plan, "teams", "support")["rates"] == none | {"usd_per_month": 900.0}
    assert entry(plan, "use_cases", "talk")["rates"] == none | {"tokens_per_minute": 1000}
    assert entry(plan, "services", "desk")["rates"] == none | {"requests_per_minute": 60, "usd_per_day": 2.5}
    assert entry(plan, "deployments", "openai/m")["rates"] == none | {"requests_in_flight": 8}
    assert plan.document["keys"][0]["rates"] == none | {"requests_per_minute": 5}


@pytest.mark.parametrize(
    "written",
    [
        "requests_per_minute: 0",
        "usd_per_day: 0",
        "usd_per_month: 1e9",
        "tokens_per_minute: -1",
        "requests_in_flight: x",
    ],
)
def test_a_limit_of_nothing_is_a_fault(written: str) -> None:
    (fault,) = found(f"teams: {{support: {{contact: a, limits: {{{written}}}}}}}")
    assert fault.code is Code.VALUE_WRONG


def test_a_misspelt_limit_is_told() -> None:
    (fault,) = found("teams: {support: {contact: a, limits: {request_per_minute: 5}}}")
    assert (fault.code, fault.hint) == (Code.KEY_UNKNOWN, "Did you mean `requests_per_minute`?")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_class_brings_lane_and_streaming(name: str) -> None:
    terms = terms_of(f"{{class: {name}, task: chat}}")
    built_in = BUILT_IN[name]
    assert (terms.lane, terms.stream_upstream) == (built_in.lane, built_in.stream_upstream)
    assert (terms.fallback, terms.hedge, terms.cache, terms.prompt_cache) == ("any", None, None, True)


def test_what_a_use_case_says_wins_over_its_class_and_that_over_the_built_in_one() -> None:
    classes = """\
classes:
  quick: {extends: chat, fallback: none, prompt_cache: false, lane: batch, stream_upstream: false, cache: 5m}
"""
    inherited = terms_of("{class: quick, task: chat}", classes)
    assert (inherited.lane, inherited.fallback, inherited.prompt_cache, inherited.stream_upstream) == (
        *("batch", "none", False, False),
    )
    assert inherited.cache is not None
    assert inherited.cache.ttl == 300_000
    own = "{class: quick, task: chat, lane: standard, fallback: any, prompt_cache: true, cache: false}"
    terms = terms_of(own, classes)
    assert (terms.lane, terms.fallback, terms.prompt_cache, terms.cache) == ("standard", "any", True, None)


@pytest.mark.parametrize(
    ("written", "hedge"),
    [
        ("true", HEDGE),
        ("{floor: 50ms, requests_share: 5%}", {**HEDGE, "floor_ms": 50, "requests_share": 0.05}),
        ("false", None),
        ("null", None),
    ],
)
def test_hedges(written: str, hedge: dict[str, Any] | None) -> None:
    classes = "classes: {chat: {hedge: {floor: 900ms}}}\n"
    assert use_case_of(f"{{class: chat, task: chat, hedge: {written}}}", classes)["hedge"] == hedge
    assert use_case_of("{class: chat, task: chat}", classes)["hedge"]["floor_ms"] == 900
    assert use_case_of("{class: chat, task: chat}")["hedge"] is None


@pytest.mark.parametrize(
    ("written", "cache"),
    [
        ("10m", {**CACHE, "ttl_ms": 600_000}),
        ("true", CACHE),
        ("{stale_if_error: 2h}", {**CACHE, "stale_if_error_ms": 2 * HOUR_MS}),
        ("{temperature_zero: false, tool_calls: true}", {**CACHE, "temperature_zero": False, "tool_calls": True}),
        ("false", None),
    ],
)
def test_caches(written: str, cache: dict[str, Any] | None) -> None:
    assert use_case_of(f"{{class: chat, task: chat, cache: {written}}}")["cache"] == cache


def test_tasks_that_the_policy_names_are_cached_unless_somebody_says_otherwise() -> None:
    text = BASE.replace("{chat: small}", "{chat: small, classify: small}").replace("task: chat}", "task: classify%s}")

    def cache(said: str = "", extra: str = "") -> Any:
        return entry(planned(text % said + extra), "use_cases", "talk")["cache"]

    assert cache() == CACHE
    assert cache(", cache: false") is None
    assert cache(", cache: 5m")["ttl_ms"] == 300_000
    assert cache(extra="classes: {chat: {cache: false}}\n") is None
    assert cache(extra="policy: {cached_tasks: []}\n") is None
    assert cache(extra="policy: {cached_tasks_ttl: 1d}\n")["ttl_ms"] == 24 * HOUR_MS


def test_a_learned_cap_starts_with_the_classs_and_follows_what_was_learned() -> None:
    text = BASE.replace("task: chat}", "task: chat, max_output_tokens: learned}")
    standards = load(text, env=SECRETS, today=TODAY)
    assert standards.use_cases["talk"].cap_learned
    before, after = standards.plan(), standards.plan(caps={"talk": 240})
    assert [(each["max_output_tokens"], each["cap_learned"]) for each in before.document["use_cases"]] == [
        (1024, False)
    ]
    assert [(each["max_output_tokens"], each["cap_learned"]) for each in after.document["use_cases"]] == [(240, True)]
    fixed = load(BASE, env=SECRETS, today=TODAY).plan(caps={"talk": 240})
    assert fixed.document["use_cases"][0]["max_output_tokens"] == 1024


@pytest.mark.parametrize("written", ["lerned", "1.5", "true", "[]", "0", "9999999999"])
def test_a_cap_is_a_number_or_learned(written: str) -> None:
    (fault,) = found(f"use_cases: {{talk: {{task: chat, max_output_tokens: {written}}}}}")
    assert fault.code in {Code.VALUE_WRONG, Code.CAP_ZERO}


@pytest.mark.parametrize(
    ("written", "key", "value"),
    [
        (", forward_headers: [X-Tenant, x-lab-*]", "forward_headers", ["x-tenant", "x-lab-*"]),
        (", engine: paceline-sim", "forward_headers", ["x-sim-*"]),
        (", engine: paceline-sim, forward_headers: []", "forward_headers", []),
        (", passthrough: [/images/, /audio/speech]", "passthrough", ["/images", "/audio/speech"]),
        (", engine: vllm", "passthrough", list(ENGINES["vllm"].passthrough)),
        ("", "passthrough", []),
        (", vendor: anthropic", "passthrough", list(VENDORS["anthropic"].passthrough)),
        (", vendor: anthropic, dialect: openai", "passthrough", []),
        (", addresses_allowed: [fe80::7, 169.254.10.9/24]", "addresses_allowed", ["fe80::7", "169.254.10.0/24"]),
        (", connections_max: 32, http2: true", "connections_max", 32),
    ],
)
def test_what_a_provider_lets_through(written: str, key: str, value: Any) -> None:
    assert provider_of(written)[key] == value


@pytest.mark.parametrize(
    "written",
    [
        "forward_headers: [Cookie]",
        "forward_headers: [authorization]",
        "forward_headers: [x-paceline-service]",
        "forward_headers: ['a b']",
        "passthrough: [images]",
        "passthrough: [/a/../b]",
        "passthrough: ['/a?b']",
        "addresses_allowed: [house.local]",
        "addresses_allowed: [300.1.1.1]",
    ],
)
def test_what_never_passes_is_refused(written: str) -> None:
    (fault,) = found(f"providers: {{openai: {{{written}}}}}")
    assert fault.code is Code.VALUE_WRONG
    assert fault.hint


@pytest.mark.parametrize(
    ("address", "allowed", "safe"),
    [
        ("http://169.254.169.254/v1", "[]", False),
        ("http://169.254.10.7/v1", "[169.254.10.0/24]", True),
        ("http://169.254.169.254/v1", "[169.254.10.0/24]", False),
        ("http://metadata.google.internal/v1", "[]", False),
        ("http://[fe80::1]/v1", "[]", False),
        ("http://[::ffff:169.254.169.254]/v1", "[]", False),
        ("http://[fd00:ec2::254]/v1", "[]", False),
        ("http://10.0.0.5/v1", "[]", True),
        ("http://127.0.0.1/v1", "[]", True),
    ],
)
def test_addresses_of_metadata_services_are_refused(address: str, allowed: str, safe: bool) -> None:
    faults = found(f"providers: {{openai: {{base_url: '{address}', addresses_allowed: {allowed}}}}}")
    assert [fault.code for fault in faults] == ([] if safe else [Code.ADDRESS_UNSAFE])


@pytest.mark.parametrize(
    ("written", "order"),
    [
        ("engine: vllm", "none"),
        ("engine: vllm, priority: true", "lower-first"),
        ("engine: sglang, priority: true", "higher-first"),
    ],
)
def test_a_priority_runs_the_engines_way_and_only_when_told(written: str, order: str) -> None:
    text = BASE.replace("{openai: {}}", f"{{house: {{base_url: 'http://x/v1', {written}}}}}")
    deployment = planned(text.replace("openai/gpt-5.4-mini", "house/m")).document["deployments"][0]
    assert deployment["priority"] == order


@pytest.mark.parametrize(
    ("vendor", "model", "expected"),
    [
        ("anthropic", "claude-opus-5", ("markers", 512)),
        ("anthropic", "claude-sonnet-5-20260901", ("markers", 1024)),
        ("anthropic", "claude-opus-4-8", ("markers", 1024)),
        ("anthropic", "claude-haiku-4-5", ("markers", 4096)),
        ("anthropic", "claude-opus-4-5-20251101", ("markers", 4096)),
        ("anthropic", "claude-sonnet-4-6", ("markers", 2048)),
        ("anthropic", "claude-sonnet-4-20250514", ("markers", 1024)),
        ("anthropic", "claude-sonnet-4-5-20250929", ("markers", 1024)),
        ("anthropic", "claude-opus-4-1", ("markers", 1024)),
        ("anthropic", "claude-3-5-haiku-20241022", ("markers", 2048)),
        ("anthropic", "claude-3-7-sonnet-20250219", ("markers", 1024)),
        ("anthropic", "claude-later-9", ("markers", 4096)),
        ("openai", "gpt-5.4-mini", ("key", 1024)),
        ("openai", "GPT-4o", ("key", 1024)),
        ("openai", "o4-mini", ("key", 1024)),
        ("openai", "gpt-4o-2024-05-13", ("none", 0)),
        ("openai", "gpt-4-turbo", ("none", 0)),
        ("openai", "text-embedding-3-small", ("none", 0)),
        ("groq", "openai/gpt-oss-120b", ("none", 0)),
        (None, "qwen3-32b", ("none", 0)),
    ],
)
def test_prompt_caches_by_model_family(vendor: str | None, model: str, expected: tuple[str, int]) -> None:
    assert prompt_cache(vendor, model) == expected


def test_every_row_of_the_table_has_a_source() -> None:
    assert all(each.source and each.tokens_min > 0 and each.vendor in VENDORS for each in PROMPT_CACHES)


def test_a_deployment_may_say_otherwise() -> None:
    written = "[{deployment: openai/gpt-5.4-mini, prompt_cache: none, prompt_cache_tokens_min: 9}]"
    deployment = planned(BASE.replace("openai/gpt-5.4-mini", written)).document["deployments"][0]
    assert (deployment["prompt_cache"], deployment["prompt_cache_tokens_min"]) == ("none", 9)


def test_hedges_and_fallbacks_that_come_to_nothing() -> None:
    two = "models: {small: [openai/a, openai/b]}\n"
    talk = "use_cases: {talk: {task: chat, %s}}"
    assert found(two + talk % "hedge: true") == ()
    assert [fault.code for fault in found(two + talk % "hedge: true, fallback: none")] == [
        Code.HEDGE_IDLE,
        Code.DEPLOYMENT_UNREACHED,
    ]
    late = "hedge: {floor: 20s, ceiling: 30s}"
    assert [fault.code for fault in found(two + talk % late)] == [Code.HEDGE_IDLE]
    both = "use_cases: {talk: {task: chat, fallback: none}, more: {task: chat}}\n"
    both += "services: {desk: {owner: support, use_cases: [talk, more]}}"
    assert found(two + both) == (), "another use case reaches the second deployment"


def test_a_budget_above_the_hard_limit_is_never_reached() -> None:
    text = (
        "services: {desk: {owner: support, use_cases: [talk], budget: {usd_per_month: 9}, limits: {usd_per_month: 5}}}"
    )
    (fault,) = found(text)
    assert (fault.code, fault.path) == (Code.LIMIT_UNREACHED, "services.desk.budget.usd_per_month")


def test_the_caches_url_is_a_reference_and_looked_for() -> None:
    (fault,) = found("traffic: {cache: {url: 'redis://:hunter2@x'}}")
    assert fault.code is Code.SECRET_INLINE
    assert "hunter2" not in fault.message + fault.hint
    (absent,) = found("traffic: {cache: {url: env:NOT_THERE}}")
    assert (absent.code, absent.path) == (Code.SECRET_ABSENT, "traffic.cache.url")


def test_the_gateway_accepts_everything_written(core: ModuleType) -> None:
    text = """\
version: 1
providers:
  openai: {forward_headers: x-a, passthrough: /images, connections_max: 9, http2: true}
  house: {base_url: 'http://x/v1', engine: vllm, priority: true, addresses_allowed: 169.254.1.1}
models:
  small:
    - deployment: house/m
      limits: {requests_in_flight: 4}
      queue: {requests_max: 0, standard_floor: 0, batch_floor: 90%}
    - openai/gpt-5.4-mini
tasks: {chat: small, classify: small}
classes: {chat: {hedge: true}}
use_cases:
  talk:
    {task: chat, lane: batch, fallback: same-model, hedge: {floor: 1, ceiling: 1}, max_output_tokens: learned}
  sort: {task: classify, cache: {ttl: 1ms, scope: organisation}, limits: {tokens_per_minute: 9007199254740992}}
teams: {support: {contact: "#s", limits: {usd_per_day: 0.01}}}
services: {desk: {owner: support, use_cases: [talk, sort], limits: {requests_per_minute: 4294967295}}}
policy: {unknown_price: refuse, warn_at: 0}
traffic:
  retry: {attempts_max: 1, share: 0, floor: 0, backoff: 0, backoff_max: 0, retry_after_max: 0}
  breaker: {failed_share: 1, open: 1, probes: 1}
  outlier: {slower_factor: 1.1, eject: 0}
  cache: {bytes_max: 0, entry_bytes_max: 0, url: env:X, wait: 0}
gateway: {connections_per_address_max: 5, connection_age_max: 1h}
"""
    standards = load(text, env={**SECRETS, "X": "x"}, today=TODAY)
    plan = standards.plan(caps={"talk": 64})
    assert core.check_plan(plan.json_bytes) == plan.hash
