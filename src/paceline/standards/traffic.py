"""What a person writes about traffic: limits, queues, hedges, caches, retries, breakers.

Owns these keys of `Options` and their defaults, which are those of `crates/plan/src/traffic.rs`. Must not decide which
of a class, a use case and a task wins (see `limits`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from paceline.standards.budget import Part
from paceline.standards.classes import LaneName
from paceline.standards.scalars import Also, Duration, Money, Secret, Share, Size, Spelling

__all__ = [
    "BreakerOptions",
    "CacheChoice",
    "CacheOptions",
    "CacheStoreOptions",
    "FallbackChoice",
    "FallbackName",
    "HedgeChoice",
    "HedgeOptions",
    "LaneChoice",
    "OutlierOptions",
    "PromptCacheChoice",
    "QueueOptions",
    "RateLimits",
    "RetryOptions",
    "StreamUpstreamChoice",
    "TrafficOptions",
]

FallbackName = Literal["any", "same-model", "none"]

_MIB = 1 << 20
_COUNT_MAX = 2**32 - 1
_HOUR_MS = 3_600_000


class RateLimits(Part):
    """The most that may be done; past it calls are refused with 429 and the time to try again. Absent is no limit."""

    requests_per_minute: int | None = Field(
        default=None, ge=1, le=_COUNT_MAX, description="Requests a minute, bursts of that size allowed.", examples=[600]
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, le=2**53, description="Input and output tokens together, a minute.", examples=[200_000]
    )
    requests_in_flight: int | None = Field(
        default=None,
        ge=1,
        le=_COUNT_MAX,
        description="Requests at once. For a deployment more than this wait in its queue.",
        examples=[32],
    )
    usd_per_day: Money | None = Field(
        default=None, gt=0, lt=1e9, description="US dollars a day, from 00:00 UTC.", examples=[50]
    )
    usd_per_month: Money | None = Field(
        default=None,
        gt=0,
        lt=1e9,
        description="US dollars a calendar month in UTC: a hard limit, unlike `budget.usd_per_month`.",
        examples=[600],
    )


class QueueOptions(Part):
    """The queue of a deployment that has `limits.requests_in_flight`: interactive, then standard, then batch."""

    requests_max: int = Field(
        default=256, ge=0, le=1_000_000, description="Requests that may wait; more get 503.", examples=[256]
    )
    standard_floor: Share = Field(
        default=0.2, description="Share of starts the standard lane gets at least while it waits.", examples=["20%"]
    )
    batch_floor: Share = Field(
        default=0.05, description="Share of starts the batch lane gets at least while it waits.", examples=["5%"]
    )


class HedgeOptions(Part):
    """A second copy of a request whose first token is late, sent to another deployment; the first token wins."""

    floor: Duration = Field(
        default=200,
        ge=1,
        description="Shortest wait; the deployment's own recent p95 counts above it.",
        examples=["200ms"],
    )
    ceiling: Duration = Field(default=5_000, ge=1, description="Longest wait.", examples=["5s"])
    requests_share: Share = Field(
        default=0.02, description="Hedges at most, as a share of the use case's requests.", examples=["2%"]
    )
    cost_share: Share = Field(
        default=0.02, description="Cost of hedges at most, as a share of the use case's cost.", examples=["2%"]
    )


class CacheOptions(Part):
    """The exact cache of a use case: the same request again is answered from memory, and costs nothing."""

    ttl: Duration = Field(default=_HOUR_MS, ge=1, description="How long an answer may be used again.", examples=["1h"])
    stale_if_error: Duration = Field(
        default=0,
        description="For so long after `ttl` an answer may still be used where every attempt at a provider failed.",
        examples=["1d"],
    )
    scope: Literal["service", "organisation"] = Field(
        default="service",
        description="Whose answers may serve whom: `organisation` shares them between services.",
        examples=["service"],
    )
    temperature_zero: bool = Field(
        default=True,
        description="Only requests with `temperature: 0`; embeddings always count as such.",
        examples=[True],
    )
    tool_calls: bool = Field(default=False, description="Keep answers that call tools too.", examples=[False])


class RetryOptions(Part):
    """Further attempts before the first byte reached the caller."""

    attempts_max: int = Field(
        default=3, ge=1, le=100, description="Times a request is sent at most, the first included.", examples=[3]
    )
    share: Share = Field(
        default=0.1, description="Retries at a deployment, as a share of its requests in the window.", examples=["10%"]
    )
    window: Duration = Field(default=60_000, ge=1, description="The window of that share.", examples=["1m"])
    floor: int = Field(
        default=5, ge=0, le=_COUNT_MAX, description="Retries a window allowed however little traffic.", examples=[5]
    )
    backoff: Duration = Field(
        default=50,
        description="First pause before the same deployment is asked again; doubles, with jitter.",
        examples=["50ms"],
    )
    backoff_max: Duration = Field(default=2_000, description="Longest such pause.", examples=["2s"])
    retry_after_max: Duration = Field(
        default=5_000, description="A provider that asks for a longer pause is not waited for.", examples=["5s"]
    )


class BreakerOptions(Part):
    """When a deployment is left alone because its requests fail."""

    window: Duration = Field(default=10_000, ge=1, description="The window that is looked at.", examples=["10s"])
    requests_min: int = Field(
        default=10, ge=1, le=_COUNT_MAX, description="Requests below which nothing is concluded.", examples=[10]
    )
    failed_share: Share = Field(default=0.5, description="Share of failures at which it opens.", examples=["50%"])
    open: Duration = Field(
        default=5_000, ge=1, description="How long it stays open; doubles with each failed probe.", examples=["5s"]
    )
    open_max: Duration = Field(default=60_000, ge=1, description="Longest such time.", examples=["1m"])
    probes: int = Field(default=2, ge=1, le=1_000, description="Successful probes that close it.", examples=[2])


class OutlierOptions(Part):
    """When a deployment is passed over because its peers do better; the last one never is."""

    window: Duration = Field(default=60_000, ge=1, description="The window that is looked at.", examples=["1m"])
    requests_min: int = Field(
        default=20, ge=1, le=_COUNT_MAX, description="Requests below which nothing is concluded.", examples=[20]
    )
    failed_share_above: Share = Field(
        default=0.2, description="Error share above the peers' median by this much.", examples=["20%"]
    )
    slower_factor: float = Field(
        default=3.0,
        gt=1,
        le=1000,
        allow_inf_nan=False,
        description="Median time to the first token over the peers' median by this factor.",
        examples=[3.0],
    )
    eject: Duration = Field(default=30_000, description="For how long.", examples=["30s"])


class CacheStoreOptions(Part):
    """Where cached answers are kept."""

    bytes_max: Size = Field(
        default=64 * _MIB, description="Memory for cached answers; 0 turns every cache off.", examples=["64MiB"]
    )
    entry_bytes_max: Size = Field(default=_MIB, description="Longest answer that is kept.", examples=["1MiB"])
    url: Secret | None = Field(
        default=None,
        description="Where the URL of a Valkey or Redis is that gateways share.",
        examples=["env:PACELINE_CACHE_URL"],
    )
    wait: Duration = Field(
        default=5, description="Longest wait for that server; past it a lookup counts as a miss.", examples=["5ms"]
    )


class TrafficOptions(Part):
    """What holds for all traffic: retries, breakers, outliers, and where cached answers are kept."""

    retry: RetryOptions = Field(default=RetryOptions(), description="Further attempts.")
    breaker: BreakerOptions = Field(default=BreakerOptions(), description="Deployments that fail.")
    outlier: OutlierOptions = Field(default=OutlierOptions(), description="Deployments that do worse than their peers.")
    cache: CacheStoreOptions = Field(default=CacheStoreOptions(), description="Where cached answers are kept.")


def _hedge(value: Any) -> Any:
    """Read `true` as the defaults and `false` as none."""
    return ({} if value else None) if isinstance(value, bool) else value


def _cache(value: Any) -> Any:
    """Read a single value as the time to live, `true` as the defaults and `false` as none."""
    if isinstance(value, bool):
        return {} if value else None
    return value if value is None or isinstance(value, dict | list) else {"ttl": value}


LaneChoice = Annotated[
    LaneName | None, Field(description="Priority of its traffic; the class's if absent.", examples=["interactive"])
]
FallbackChoice = Annotated[
    FallbackName | None,
    Field(
        description="Who may answer when the first deployment cannot; the class's, else `any` of the model's.",
        examples=["same-model"],
    ),
]
HedgeChoice = Annotated[
    HedgeOptions | None,
    BeforeValidator(_hedge),
    Also({"type": "boolean"}),
    Spelling("[hedge](#hedge), true or false"),
    Field(
        description="Send a second copy where the first token is late; the class's, else off.",
        examples=[{"floor": "300ms"}],
    ),
]
CacheChoice = Annotated[
    CacheOptions | None,
    BeforeValidator(_cache),
    Also({"type": ["number", "string", "boolean"]}),
    Spelling("[cache](#cache), duration, true or false"),
    Field(
        description="Answer equal requests from a cache; the class's, else that of `policy.cached_tasks`, else off.",
        examples=["1h"],
    ),
]
PromptCacheChoice = Annotated[
    bool | None,
    Field(
        description="Ask for the provider's prompt cache where callers did not; the class's, else true.",
        examples=[True],
    ),
]
StreamUpstreamChoice = Annotated[
    bool | None,
    Field(
        description="Stream from the provider also where the caller wants the answer whole; the class's if absent.",
        examples=[True],
    ),
]
