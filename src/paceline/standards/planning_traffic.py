"""The part of a plan that governs traffic, in the exact form of `crates/plan/src/traffic.rs`.

Owns the step from the traffic parts of sound `Options` to that form; `planning` owns the document as a whole.
"""

from __future__ import annotations

from typing import Any

from paceline.standards.bounds import PolicyOptions
from paceline.standards.plan import PlanRates
from paceline.standards.traffic import CacheOptions, HedgeOptions, QueueOptions, RateLimits, TrafficOptions

__all__ = ["cache_rule", "hedge_rule", "no_rates", "queue_rule", "rates_of", "traffic_rules", "whole_ms"]


def whole_ms(duration: float) -> int:
    """Round to whole milliseconds; only nothing becomes zero."""
    return max(1, round(duration)) if duration else 0


def rates_of(limits: RateLimits) -> PlanRates:
    """Return the limits of one subject."""
    return PlanRates(
        requests_per_minute=limits.requests_per_minute,
        tokens_per_minute=limits.tokens_per_minute,
        requests_in_flight=limits.requests_in_flight,
        usd_per_day=limits.usd_per_day,
        usd_per_month=limits.usd_per_month,
    )


def no_rates() -> PlanRates:
    """Return the limits of one that has none."""
    return rates_of(RateLimits())


def queue_rule(queue: QueueOptions) -> dict[str, Any]:
    """Return a deployment's queue."""
    return {
        "requests_max": queue.requests_max,
        "standard_floor": queue.standard_floor,
        "batch_floor": queue.batch_floor,
    }


def hedge_rule(hedge: HedgeOptions | None) -> dict[str, Any] | None:
    """Return a use case's hedge; None where it has none."""
    if hedge is None:
        return None
    return {
        "floor_ms": whole_ms(hedge.floor),
        "ceiling_ms": whole_ms(hedge.ceiling),
        "requests_share": hedge.requests_share,
        "cost_share": hedge.cost_share,
    }


def cache_rule(cache: CacheOptions | None) -> dict[str, Any] | None:
    """Return a use case's cache; None where it has none."""
    if cache is None:
        return None
    return {
        "ttl_ms": whole_ms(cache.ttl),
        "stale_if_error_ms": whole_ms(cache.stale_if_error),
        "scope": cache.scope,
        "temperature_zero": cache.temperature_zero,
        "tool_calls": cache.tool_calls,
    }


def traffic_rules(traffic: TrafficOptions, policy: PolicyOptions) -> dict[str, Any]:
    """Return what holds for all traffic."""
    return {
        "warn_share": policy.warn_at,
        "unknown_price": policy.unknown_price,
        "retry": _retry(traffic),
        "breaker": _breaker(traffic),
        "outlier": _outlier(traffic),
        "cache": {
            "bytes_max": traffic.cache.bytes_max,
            "entry_bytes_max": traffic.cache.entry_bytes_max,
            "url": traffic.cache.url,
            "wait_ms": whole_ms(traffic.cache.wait),
        },
    }


def _retry(traffic: TrafficOptions) -> dict[str, Any]:
    retry = traffic.retry
    return {
        "attempts_max": retry.attempts_max,
        "share": retry.share,
        "window_ms": whole_ms(retry.window),
        "floor": retry.floor,
        "backoff_ms": whole_ms(retry.backoff),
        "backoff_max_ms": whole_ms(retry.backoff_max),
        "retry_after_max_ms": whole_ms(retry.retry_after_max),
    }


def _breaker(traffic: TrafficOptions) -> dict[str, Any]:
    breaker = traffic.breaker
    return {
        "window_ms": whole_ms(breaker.window),
        "requests_min": breaker.requests_min,
        "failed_share": breaker.failed_share,
        "open_ms": whole_ms(breaker.open),
        "open_max_ms": whole_ms(breaker.open_max),
        "probes": breaker.probes,
    }


def _outlier(traffic: TrafficOptions) -> dict[str, Any]:
    outlier = traffic.outlier
    return {
        "window_ms": whole_ms(outlier.window),
        "requests_min": outlier.requests_min,
        "failed_share_above": outlier.failed_share_above,
        "slower_factor": outlier.slower_factor,
        "eject_ms": whole_ms(outlier.eject),
    }
