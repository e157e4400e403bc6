"""`Options`: what a person writes in the standards file. Forgiving, documented, and nothing more.

Owns the file as a whole, classes and use cases (`serving`, `ownership`, `budget`, `traffic`, `telemetry`
and `bounds` hold the other parts):
keys, types, descriptions, examples. JSON Schema, the reference page and the starter file are generated from
here. Must not check references between sections (see `references`) or complete anything (see `planning`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from paceline.standards.alerting import AlertingOptions
from paceline.standards.bounds import GatewayOptions, LedgerOptions, LintOptions, PolicyOptions
from paceline.standards.budget import Budget, Deadlines, Part, PriceOptions
from paceline.standards.faults import Code
from paceline.standards.ownership import ExclusionOptions, ServiceOptions, TeamOptions, WaiverOptions
from paceline.standards.scalars import ListOf, Spelling, wrong
from paceline.standards.serving import ModelOptions, ProviderOptions
from paceline.standards.sign_in import SignInOptions
from paceline.standards.telemetry import CaptureOptions, TelemetryOptions
from paceline.standards.traffic import (
    CacheChoice,
    FallbackChoice,
    HedgeChoice,
    LaneChoice,
    PromptCacheChoice,
    RateLimits,
    StreamUpstreamChoice,
    TrafficOptions,
)

__all__ = ["LEARNED", "ClassOptions", "Options", "UseCaseOptions"]

LEARNED: Literal["learned"] = "learned"
"""What stands in place of a number where the cap is to follow the answers."""

_CAP_MAX = 2**31
_Names = ListOf[str]


def _cap(value: Any) -> Any:
    if value is None or value == LEARNED:
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        hint = "Write a whole number, `learned`, or `null` for no cap"
        raise wrong(Code.VALUE_WRONG, "should be a whole number, `learned` or `null`", hint)
    if value < 1:
        raise wrong(
            Code.CAP_ZERO, f"a cap of {value} would leave no answer", "Set a positive number, or `null` for no cap"
        )
    if value > _CAP_MAX:
        raise wrong(Code.VALUE_WRONG, f"a cap of {value} is larger than any model's", "Write `null` for no cap")
    return value


Cap = Annotated[
    int | Literal["learned"] | None,
    BeforeValidator(_cap),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "learned"}, {"type": "null"}]}),
    Spelling("whole number or `learned`"),
]


class ClassOptions(Part):
    """A class of use cases: overrides a built-in one, or adds one."""

    extends: str | None = Field(
        default=None,
        description="The class to start from; the built-in one of the same name if absent.",
        examples=["chat"],
    )
    description: str = Field(
        default="", description="What belongs here.", examples=["Answers that a person waits for."]
    )
    budget: Budget = Field(default=Budget(), description="Limits by metric and percentile.")
    deadlines: Deadlines = Field(default=Deadlines(), description="When the gateway gives up on a provider.")
    max_output_tokens: Cap = Field(
        default=None,
        description="Output cap of requests that set none; `learned` follows the answers, `null` is no cap.",
        examples=[1024],
    )
    lane: LaneChoice = None
    fallback: FallbackChoice = None
    hedge: HedgeChoice = None
    cache: CacheChoice = None
    prompt_cache: PromptCacheChoice = None
    stream_upstream: StreamUpstreamChoice = None
    source: str = Field(
        default="", description="Where the limits come from, for the dashboards.", examples=["Product review, May."]
    )


class UseCaseOptions(Part):
    """A named category of feature with a budget."""

    class_: str = Field(
        default="chat",
        alias="class",
        description="Its class, which brings budget, deadlines and cap.",
        examples=["chat"],
    )
    task: str | None = Field(
        default=None, description="Its task, which brings the default model.", examples=["summarise"]
    )
    model: str | None = Field(
        default=None, description="Its default model, in place of the task's.", examples=["small"]
    )
    models: _Names = Field(default=[], description="Further models that the standards allow it.", examples=[["large"]])
    max_output_tokens: Cap = Field(
        default=None,
        description="Output cap of requests that set none, or `learned`; the class's if absent, `null` for no cap.",
        examples=[800],
    )
    budget: Budget = Field(
        default=Budget(), description="Limits that differ from the class's.", examples=[{"ttft": {"p95": "800ms"}}]
    )
    deadlines: Deadlines = Field(
        default=Deadlines(), description="Deadlines that differ from the class's.", examples=[{"total": "30s"}]
    )
    limits: RateLimits = Field(
        default=RateLimits(),
        description="The most all services together may do with it.",
        examples=[{"usd_per_day": 20}],
    )
    lane: LaneChoice = None
    fallback: FallbackChoice = None
    hedge: HedgeChoice = None
    cache: CacheChoice = None
    prompt_cache: PromptCacheChoice = None
    stream_upstream: StreamUpstreamChoice = None
    capture: CaptureOptions | None = Field(
        default=None, description="Leave to export its text for a time; none if absent.", examples=[None]
    )
    description: str = Field(
        default="", description="What the feature does.", examples=["Answers customers in the help widget."]
    )


class Options(Part):
    """The organisation's standards: one file that says what fast and cheap mean here, and who answers for what."""

    version: Literal[1] = Field(description="Format of this file.", examples=[1])
    organisation: str = Field(
        default="", max_length=200, description="Name of the organisation, for reports.", examples=["Acme"]
    )
    providers: dict[str, ProviderOptions] = Field(
        default={}, description="Vendors and engines, by the name you give them."
    )
    models: dict[str, ModelOptions] = Field(default={}, description="The names callers use, and where each is served.")
    tasks: dict[str, str] = Field(
        default={}, description="The default model of each task.", examples=[{"classify": "small"}]
    )
    classes: dict[str, ClassOptions] = Field(
        default={}, description="Changes to the built-in classes, and classes of your own."
    )
    use_cases: dict[str, UseCaseOptions] = Field(default={}, description="Features with a budget.")
    teams: dict[str, TeamOptions] = Field(default={}, description="Who owns services, and where they hear of breaches.")
    services: dict[str, ServiceOptions] = Field(default={}, description="Applications that call models.")
    waivers: ListOf[WaiverOptions] = Field(default=[], description="Approved exceptions, each with an end.")
    exclusions: ListOf[ExclusionOptions] = Field(default=[], description="Times that are not judged: maintenance.")
    prices: dict[str, PriceOptions] = Field(default={}, description="Contract prices by `PROVIDER/MODEL`.")
    policy: PolicyOptions = Field(default=PolicyOptions(), description="How strict the standards are by default.")
    alerting: AlertingOptions = Field(default=AlertingOptions(), description="How alerts are sent.")
    sign_in: SignInOptions | None = Field(
        default=None, description="The reverse proxy that signs people in to the dashboard; off if absent."
    )
    traffic: TrafficOptions = Field(default=TrafficOptions(), description="Retries, breakers and the cache's store.")
    telemetry: TelemetryOptions = Field(default=TelemetryOptions(), description="Export of traces and metrics.")
    gateway: GatewayOptions = Field(default=GatewayOptions(), description="Bounds of the gateway process.")
    lint: LintOptions = Field(default=LintOptions(), description="What the linter asks of source code.")
    ledger: LedgerOptions = Field(default=LedgerOptions(), description="How long the ledger keeps what it knows.")
