"""From sound `Options` to a plan: every default filled in.

Owns every value that the gateway relies on, in the exact form of `crates/plan/src/document.rs`. Secrets stay
references. The same options, keys and day give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from paceline.standards.bounds import GatewayOptions
from paceline.standards.budget import PriceOptions
from paceline.standards.classes import METRICS
from paceline.standards.limits import use_case_terms
from paceline.standards.options import Options, UseCaseOptions
from paceline.standards.plan import FORMAT, Plan, PlanKey, plan_hash
from paceline.standards.planning_telemetry import capture_rule, telemetry_rules
from paceline.standards.planning_traffic import (
    cache_rule,
    hedge_rule,
    no_rates,
    queue_rule,
    rates_of,
    traffic_rules,
    whole_ms,
)
from paceline.standards.prices import catalogue_price
from paceline.standards.prompt_caches import prompt_cache
from paceline.standards.serving import DeploymentOptions, ProviderOptions
from paceline.standards.vendors import ENGINES, VENDORS, Engine, Vendor, cap_field

__all__ = ["build_plan"]

_BYTES_PER_TOKEN = 4.0


def build_plan(options: Options, keys: Iterable[PlanKey], day: date, caps: Mapping[str, int]) -> Plan:
    """Complete sound options. `day` decides which catalogue prices count, `caps` are the learned ones by use case."""
    admitted, left_out = _keys(options, keys)
    document: dict[str, Any] = {
        "format": FORMAT,
        "organisation": options.organisation,
        "gateway": _gateway(options.gateway),
        "traffic": traffic_rules(options.traffic, options.policy),
        "telemetry": telemetry_rules(options.telemetry),
        "providers": [_provider(name, provider) for name, provider in options.providers.items()],
        "deployments": _deployments(options, day),
        "models": [
            {"name": name, "deployments": [each.deployment for each in model.deployments]}
            for name, model in options.models.items()
        ],
        "tasks": [{"name": name, "model": model} for name, model in options.tasks.items()],
        "use_cases": [
            _use_case(options, name, use_case, caps.get(name)) for name, use_case in options.use_cases.items()
        ],
        "teams": [{"name": name, "rates": rates_of(team.limits)} for name, team in options.teams.items()],
        "services": [_service(options, name) for name in options.services],
        "keys": admitted,
    }
    return Plan({**document, "hash": plan_hash(document)}, left_out)


def _gateway(bounds: GatewayOptions) -> dict[str, Any]:
    return {
        "body_bytes_max": bounds.body_bytes_max,
        "head_bytes_max": bounds.head_bytes_max,
        "headers_max": bounds.headers_max,
        "head_read_ms": whole_ms(bounds.head_read),
        "body_read_ms": whole_ms(bounds.body_read),
        "connections_max": bounds.connections_max,
        "connections_per_address_max": bounds.connections_per_address_max,
        "requests_in_flight_max": bounds.requests_in_flight_max,
        "idle_connections_per_provider_max": bounds.idle_connections_per_provider_max,
        "idle_connection_ms": whole_ms(bounds.idle_connection),
        "connection_age_max_ms": whole_ms(bounds.connection_age_max),
        "drain_ms": whole_ms(bounds.drain),
        "label_sets_max": bounds.label_sets_max,
        "answer_scan_bytes_max": bounds.answer_scan_bytes_max,
        "tls": None if bounds.tls is None else {"certificate": bounds.tls.certificate, "key": bounds.tls.key},
        "journal": {
            "segment_bytes": bounds.journal.segment_bytes,
            "bytes_max": bounds.journal.bytes_max,
            "sync_ms": whole_ms(bounds.journal.sync),
            "when_full": bounds.journal.when_full,
        },
    }


def vendor_of(name: str, provider: ProviderOptions) -> tuple[str | None, Vendor | None]:
    """Return the known vendor behind a provider, if any."""
    vendor = provider.vendor or name
    return (vendor, VENDORS[vendor]) if vendor in VENDORS else (None, None)


def _provider(name: str, provider: ProviderOptions) -> dict[str, Any]:
    _, vendor = vendor_of(name, provider)
    dialect = provider.dialect or (vendor.dialect if vendor else "openai")
    same = vendor if vendor is not None and vendor.dialect == dialect else None
    key = provider.key
    if "key" not in provider.model_fields_set and vendor and provider.base_url is None:
        key = vendor.key  # a vendor's key goes to another address only when the file says so
    preset = same.headers if same else VENDORS["anthropic"].headers if dialect == "anthropic" else {}
    written = {key.lower(): value for key, value in provider.headers.items()}
    engine = _engine(provider)
    passed = engine.passthrough if provider.engine else same.passthrough if same else ()
    return {
        "name": name,
        "dialect": dialect,
        "base_url": provider.base_url or (vendor.base_url if vendor else ""),
        "key": key,
        "apis": _apis(provider, same, dialect),
        "headers": [[key, value] for key, value in {**preset, **written}.items()],
        "forward_headers": _written_or(provider.forward_headers, engine.forward_headers),
        "passthrough": _written_or(provider.passthrough, passed),
        "addresses_allowed": list(dict.fromkeys(provider.addresses_allowed)),
        "connections_max": provider.connections_max,
        "http2": provider.http2,
    }


def _engine(provider: ProviderOptions) -> Engine:
    return ENGINES.get(provider.engine or "", Engine())


def _apis(provider: ProviderOptions, vendor: Vendor | None, dialect: str) -> list[str]:
    """List the APIs of a provider; `vendor` is the known one, if the provider speaks that one's dialect."""
    if provider.apis:
        return list(dict.fromkeys(provider.apis))
    if vendor and provider.engine is None:
        return list(vendor.apis)
    if dialect == "anthropic":
        return list(VENDORS["anthropic"].apis)
    return list(_engine(provider).apis)


def _written_or(written: list[str] | None, default: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(default if written is None else written))


def _deployments(options: Options, day: date) -> list[dict[str, Any]]:
    table: dict[str, DeploymentOptions] = {}
    for model in options.models.values():
        for deployment in model.deployments:
            known = table.get(deployment.deployment)
            if known is None or len(deployment.model_fields_set) > len(known.model_fields_set):
                table[deployment.deployment] = deployment
    return [_deployment(options, deployment, day) for deployment in table.values()]


def _deployment(options: Options, deployment: DeploymentOptions, day: date) -> dict[str, Any]:
    name = deployment.deployment
    provider_name, _, model = name.partition("/")
    provider = options.providers[provider_name]
    vendor_name, vendor = vendor_of(provider_name, provider)
    dialect = provider.dialect or (vendor.dialect if vendor else "openai")
    written = deployment.price or options.prices.get(name)
    price = _contract(written) if written else catalogue_price(vendor.catalogue if vendor else "", model, day)
    how, tokens_min = prompt_cache(vendor_name, model)
    return {
        "name": name,
        "provider": provider_name,
        "model": model,
        "chat_cap_field": deployment.cap_field or cap_field(vendor_name, dialect, model),
        "price": price,
        "bytes_per_token": deployment.bytes_per_token or _BYTES_PER_TOKEN,
        "rates": rates_of(deployment.limits),
        "queue": queue_rule(deployment.queue),
        "priority": _engine(provider).priority if provider.priority else "none",
        "prompt_cache": deployment.prompt_cache or how,
        "prompt_cache_tokens_min": tokens_min
        if deployment.prompt_cache_tokens_min is None
        else deployment.prompt_cache_tokens_min,
    }


def _contract(price: PriceOptions) -> dict[str, Any]:
    return {
        "input": price.input,
        "output": price.output,
        "cached": price.input if price.cached is None else price.cached,
        "cache_write": price.input if price.cache_write is None else price.cache_write,
        "source": "standards file",
    }


def _use_case(options: Options, name: str, use_case: UseCaseOptions, cap: int | None) -> dict[str, Any]:
    terms = use_case_terms(name, use_case, options.classes, options.policy)
    model = use_case.model or options.tasks[use_case.task or ""]
    deadlines = terms.deadlines
    learned = terms.cap_learned and cap is not None
    return {
        "name": name,
        "class": use_case.class_,
        "model": model,
        "models": list(dict.fromkeys([model, *use_case.models])),
        "max_output_tokens": cap if learned else terms.max_output_tokens,
        "cap_learned": learned,
        "deadlines": {
            "connect_ms": deadlines.connect,
            "first_token_ms": deadlines.first_token,
            "stall_ms": deadlines.stall,
            "total_ms": deadlines.total,
        },
        "limits": [
            {"metric": METRICS[limit.metric], "percentile": limit.percentile, "value": float(limit.value)}
            for limit in terms.limits
        ],
        "lane": terms.lane,
        "rates": rates_of(use_case.limits),
        "fallback": terms.fallback,
        "hedge": hedge_rule(terms.hedge),
        "cache": cache_rule(terms.cache),
        "prompt_cache": terms.prompt_cache,
        "stream_upstream": terms.stream_upstream,
        "capture": capture_rule(use_case.capture),
    }


def _service(options: Options, name: str) -> dict[str, Any]:
    service = options.services[name]
    use_cases = list(dict.fromkeys(service.use_cases))
    return {
        "name": name,
        "owner": service.owner,
        "mode": service.mode or options.policy.mode,
        "use_cases": use_cases,
        "default_use_case": service.default_use_case or (use_cases[0] if len(use_cases) == 1 else None),
        "rates": rates_of(service.limits),
    }


def _keys(options: Options, keys: Iterable[PlanKey]) -> tuple[list[PlanKey], tuple[str, ...]]:
    """Keep the keys that still mean something: services that are gone are dropped, and keys that had nothing else."""
    admitted: list[PlanKey] = []
    left_out: list[str] = []
    for key in keys:
        service = key["service"] if key["service"] in options.services else None
        services = [name for name in key["services"] if name in options.services]
        if not (service or services or key["any_service"]) or (key["service"] and not service):
            left_out.append(key["id"])
            continue
        admitted.append(
            PlanKey(
                id=key["id"],
                sha256=key["sha256"],
                service=service,
                services=services,
                any_service=key["any_service"],
                use_case=key["use_case"] if key["use_case"] in options.use_cases else None,
                rates=key.get("rates") or no_rates(),
            )
        )
    return admitted, tuple(left_out)
