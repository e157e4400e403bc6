"""From sound `Options` to a plan: every default filled in.

Owns every value that the gateway relies on, in the exact form of `crates/plan/src/document.rs`. Secrets stay
references. The same options, keys and day give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from paceline.standards.bounds import GatewayOptions
from paceline.standards.budget import PriceOptions
from paceline.standards.classes import METRICS
from paceline.standards.limits import use_case_terms
from paceline.standards.options import Options, UseCaseOptions
from paceline.standards.plan import FORMAT, Plan, PlanKey, plan_hash
from paceline.standards.prices import catalogue_price
from paceline.standards.serving import DeploymentOptions, ProviderOptions
from paceline.standards.vendors import ENGINES, VENDORS, Vendor, cap_field

__all__ = ["build_plan"]

_BYTES_PER_TOKEN = 4.0


def build_plan(options: Options, keys: Iterable[PlanKey], day: date) -> Plan:
    """Complete sound options. `day` decides which catalogue prices count."""
    admitted, left_out = _keys(options, keys)
    document: dict[str, Any] = {
        "format": FORMAT,
        "organisation": options.organisation,
        "gateway": _gateway(options.gateway),
        "providers": [_provider(name, provider) for name, provider in options.providers.items()],
        "deployments": _deployments(options, day),
        "models": [
            {"name": name, "deployments": [each.deployment for each in model.deployments]}
            for name, model in options.models.items()
        ],
        "tasks": [{"name": name, "model": model} for name, model in options.tasks.items()],
        "use_cases": [_use_case(options, name, use_case) for name, use_case in options.use_cases.items()],
        "services": [_service(options, name) for name in options.services],
        "keys": admitted,
    }
    return Plan({**document, "hash": plan_hash(document)}, left_out)


def _gateway(bounds: GatewayOptions) -> dict[str, Any]:
    return {
        "body_bytes_max": bounds.body_bytes_max,
        "head_bytes_max": bounds.head_bytes_max,
        "headers_max": bounds.headers_max,
        "head_read_ms": _ms(bounds.head_read),
        "body_read_ms": _ms(bounds.body_read),
        "connections_max": bounds.connections_max,
        "requests_in_flight_max": bounds.requests_in_flight_max,
        "idle_connections_per_provider_max": bounds.idle_connections_per_provider_max,
        "idle_connection_ms": _ms(bounds.idle_connection),
        "drain_ms": _ms(bounds.drain),
        "label_sets_max": bounds.label_sets_max,
        "answer_scan_bytes_max": bounds.answer_scan_bytes_max,
        "tls": None if bounds.tls is None else {"certificate": bounds.tls.certificate, "key": bounds.tls.key},
        "journal": {
            "segment_bytes": bounds.journal.segment_bytes,
            "bytes_max": bounds.journal.bytes_max,
            "sync_ms": _ms(bounds.journal.sync),
            "when_full": bounds.journal.when_full,
        },
    }


def _ms(duration: float) -> int:
    """Round to whole milliseconds; only nothing becomes zero."""
    return max(1, round(duration)) if duration else 0


def vendor_of(name: str, provider: ProviderOptions) -> tuple[str | None, Vendor | None]:
    """Return the known vendor behind a provider, if any."""
    vendor = provider.vendor or name
    return (vendor, VENDORS[vendor]) if vendor in VENDORS else (None, None)


def _provider(name: str, provider: ProviderOptions) -> dict[str, Any]:
    _, vendor = vendor_of(name, provider)
    dialect = provider.dialect or (vendor.dialect if vendor else "openai")
    same = vendor is not None and vendor.dialect == dialect
    key = provider.key
    if "key" not in provider.model_fields_set and vendor and provider.base_url is None:
        key = vendor.key  # a vendor's key goes to another address only when the file says so
    if provider.apis:
        apis: list[str] = list(dict.fromkeys(provider.apis))
    elif vendor and same and provider.engine is None:
        apis = list(vendor.apis)
    elif dialect == "anthropic":
        apis = list(VENDORS["anthropic"].apis)
    else:
        apis = list(ENGINES.get(provider.engine or "", ENGINES["sglang"]))
    preset = vendor.headers if vendor and same else VENDORS["anthropic"].headers if dialect == "anthropic" else {}
    written = {key.lower(): value for key, value in provider.headers.items()}
    return {
        "name": name,
        "dialect": dialect,
        "base_url": provider.base_url or (vendor.base_url if vendor else ""),
        "key": key,
        "apis": apis,
        "headers": [[key, value] for key, value in {**preset, **written}.items()],
    }


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
    return {
        "name": name,
        "provider": provider_name,
        "model": model,
        "chat_cap_field": deployment.cap_field or cap_field(vendor_name, dialect, model),
        "price": price,
        "bytes_per_token": deployment.bytes_per_token or _BYTES_PER_TOKEN,
    }


def _contract(price: PriceOptions) -> dict[str, Any]:
    return {
        "input": price.input,
        "output": price.output,
        "cached": price.input if price.cached is None else price.cached,
        "cache_write": price.input if price.cache_write is None else price.cache_write,
        "source": "standards file",
    }


def _use_case(options: Options, name: str, use_case: UseCaseOptions) -> dict[str, Any]:
    terms = use_case_terms(name, use_case, options.classes)
    model = use_case.model or options.tasks[use_case.task or ""]
    deadlines = terms.deadlines
    return {
        "name": name,
        "class": use_case.class_,
        "model": model,
        "models": list(dict.fromkeys([model, *use_case.models])),
        "max_output_tokens": terms.max_output_tokens,
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
            )
        )
    return admitted, tuple(left_out)
