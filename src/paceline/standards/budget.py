"""What a person writes about time and money: the limits of a budget, the deadlines, the price of tokens.

Owns the spelling of these parts of `Options`. Must not know classes or decide which limit wins (see `limits`).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from paceline.standards.scalars import Also, Duration, Money, Share, Spelling

__all__ = ["Budget", "Deadlines", "DurationLimits", "MoneyLimits", "Part", "PriceOptions"]


class Part(BaseModel):
    """A part of the standards file: unknown keys are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=False)


class DurationLimits(Part):
    """Limits of one metric that is a time. A single value stands for `p95`."""

    p50: Duration | None = Field(default=None, description="Half of the requests stay under it.", examples=["200ms"])
    p90: Duration | None = Field(default=None, description="90 % of the requests stay under it.", examples=["350ms"])
    p95: Duration | None = Field(default=None, description="95 % of the requests stay under it.", examples=["400ms"])
    p99: Duration | None = Field(default=None, description="99 % of the requests stay under it.", examples=["1s"])


class MoneyLimits(Part):
    """Limits of the cost of one request, in US dollars. A single value stands for `p95`."""

    p50: Money | None = Field(default=None, description="Half of the requests cost less.", examples=["$0.002"])
    p90: Money | None = Field(default=None, description="90 % of the requests cost less.", examples=["$0.005"])
    p95: Money | None = Field(default=None, description="95 % of the requests cost less.", examples=["$0.01"])
    p99: Money | None = Field(default=None, description="99 % of the requests cost less.", examples=["$0.05"])


def at_p95(value: Any) -> Any:
    """Read a single value as the limit of the 95th percentile."""
    return value if value is None or isinstance(value, dict | list) else {"p95": value}


_ALONE = Also({"type": ["number", "string"]})
_Times = Annotated[
    DurationLimits | None, BeforeValidator(at_p95), _ALONE, Spelling("limits by percentile, or a duration")
]
_Costs = Annotated[MoneyLimits | None, BeforeValidator(at_p95), _ALONE, Spelling("limits by percentile, or US dollars")]


class Budget(Part):
    """Limits by metric and percentile. What is not named comes from the class; `null` drops the class's limit."""

    ttft: _Times = Field(
        default=None, description="Time to the first token; streamed answers.", examples=[{"p95": "1s"}]
    )
    ttfv: _Times = Field(
        default=None, description="Time to the first token that a user sees.", examples=[{"p95": "3s"}]
    )
    tpot: _Times = Field(
        default=None, description="Time per output token after the first.", examples=[{"p99": "100ms"}]
    )
    stall: _Times = Field(default=None, description="Largest gap within one answer.", examples=[{"p99": "1s"}])
    total: _Times = Field(default=None, description="From receipt to the last token.", examples=[{"p95": "400ms"}])
    job_age: _Times = Field(default=None, description="From submission of a job to its end.", examples=[{"p99": "24h"}])
    cost: _Costs = Field(default=None, description="US dollars for one request.", examples=[{"p95": "$0.02"}])
    error_share: Share | None = Field(default=None, description="Failed requests among all.", examples=["0.5%"])


class Deadlines(Part):
    """When the gateway gives up on a provider. What is not named comes from the class; `0` means no deadline."""

    connect: Duration | None = Field(default=None, description="For the connection to the provider.", examples=["3s"])
    first_token: Duration | None = Field(
        default=None, description="From sending to the first token of a stream.", examples=["15s"]
    )
    stall: Duration | None = Field(default=None, description="Between two reads of a stream.", examples=["15s"])
    total: Duration | None = Field(default=None, description="From receipt to the end.", examples=["2m"])


class PriceOptions(Part):
    """A contract price, in US dollars per million tokens; it wins over the bundled catalogue."""

    input: Money = Field(description="Input tokens.", examples=[0.25])
    output: Money = Field(description="Output tokens, reasoning included.", examples=[2.0])
    cached: Money | None = Field(
        default=None, description="Input tokens read from a prompt cache; `input` if absent.", examples=[0.025]
    )
    cache_write: Money | None = Field(
        default=None, description="Input tokens written to a prompt cache; `input` if absent.", examples=[0.3]
    )
