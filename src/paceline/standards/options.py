"""`Options`: what a person writes in the standards file. Forgiving, documented, and nothing more.

Owns keys, types, descriptions and examples; JSON Schema, the reference page and the starter file are generated from
here. Must not check references between sections (see `references`) or complete anything (see `plan`).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from paceline.standards.bounds import GatewayOptions, ModeName, PolicyOptions
from paceline.standards.budget import Budget, Deadlines, Part, PriceOptions
from paceline.standards.faults import Code
from paceline.standards.names import shown
from paceline.standards.scalars import Address, ListOf, Money, Secret, Spelling, wrong

__all__ = [
    "AlertOptions",
    "ApiName",
    "CapFieldName",
    "ClassOptions",
    "DeploymentOptions",
    "DialectName",
    "LaneName",
    "ModelOptions",
    "Options",
    "ProviderOptions",
    "ServiceBudget",
    "ServiceOptions",
    "TeamOptions",
    "UseCaseOptions",
    "WaiverOptions",
]

DialectName = Literal["openai", "anthropic"]
ApiName = Literal["chat", "completions", "embeddings", "responses", "messages", "count_tokens", "models"]
CapFieldName = Literal["max_tokens", "max_completion_tokens", "max_output_tokens"]
LaneName = Literal["interactive", "standard", "batch"]
PhaseName = Literal["pilot", "codify", "expand", "govern"]

_DEPLOYMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}/[!-~]{1,200}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]{0,4000}")
_SECRET_HEADERS = {"authorization", "x-api-key", "api-key", "proxy-authorization", "cookie"}
_CAP_MAX = 2**31
_Names = ListOf[str]


def _cap(value: int | None) -> int | None:
    if value is not None and value < 1:
        raise wrong(
            Code.CAP_ZERO, f"a cap of {value} would leave no answer", "Set a positive number, or `null` for no cap"
        )
    if value is not None and value > _CAP_MAX:
        raise wrong(Code.VALUE_WRONG, f"a cap of {value} is larger than any model's", "Write `null` for no cap")
    return value


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if name.lower() in _SECRET_HEADERS:
            hint = "The gateway sends the provider's key itself: name it under `key:` as `env:NAME`"
            raise wrong(Code.SECRET_INLINE, f"the header {shown(name)} would hold a secret", hint)
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            hint = "Names are letters, digits and dashes; values one line of printable ASCII"
            raise wrong(Code.VALUE_WRONG, f"the header {shown(name)} is not valid", hint)
    return headers


def _deployment_name(value: Any) -> Any:
    if isinstance(value, str) and _DEPLOYMENT.fullmatch(value):
        return value
    hint = "Write `PROVIDER/MODEL`, such as `openai/gpt-5.4-mini`; the provider is a name under `providers:`"
    raise wrong(Code.DEPLOYMENT_MALFORMED, f"{shown(value)} is not a deployment", hint)


Cap = Annotated[int | None, AfterValidator(_cap)]
DeploymentName = Annotated[
    str,
    BeforeValidator(_deployment_name),
    WithJsonSchema({"type": "string", "pattern": "^[^/]+/.+$"}),
    Spelling("`PROVIDER/MODEL`"),
]


class ProviderOptions(Part):
    """A vendor or an engine behind an address. For a vendor that paceline knows, every key has a default."""

    vendor: str | None = Field(
        default=None,
        description="The known vendor whose defaults apply; the provider's own name if absent.",
        examples=["openai"],
    )
    dialect: DialectName | None = Field(
        default=None, description="The wire format it speaks; the vendor's, else `openai`.", examples=["openai"]
    )
    base_url: Address | None = Field(
        default=None,
        description="Scheme, host, port and path up to `/v1`; required for an unknown vendor.",
        examples=["http://10.0.0.5:8000/v1"],
    )
    key: Secret | None = Field(
        default=None,
        description="Where its key is: `env:NAME` or `file:PATH`; `null` for none.",
        examples=["env:OPENAI_API_KEY"],
    )
    engine: str | None = Field(
        default=None,
        description="The serving engine, which tells the APIs: vllm, sglang, ollama, llamacpp, tgi, paceline-sim.",
        examples=["vllm"],
    )
    apis: ListOf[ApiName] = Field(
        default=[], description="The APIs it serves; by vendor and engine if absent.", examples=[["chat"]]
    )
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        default={},
        description="Fixed request headers, sent unless the caller set them.",
        examples=[{"openai-project": "proj-1"}],
    )


class DeploymentOptions(Part):
    """One model at one provider, with what deviates from the defaults. `PROVIDER/MODEL` alone is enough."""

    deployment: DeploymentName = Field(description="`PROVIDER/MODEL`.", examples=["house/qwen3-32b"])
    price: PriceOptions | None = Field(
        default=None, description="Contract price in US dollars per million tokens.", examples=[None]
    )
    bytes_per_token: float | None = Field(
        default=None,
        gt=0,
        le=64,
        allow_inf_nan=False,
        description="For estimates where usage never came; 4 if absent.",
        examples=[3.6],
    )
    cap_field: CapFieldName | None = Field(
        default=None,
        description="Field that caps output in chat requests; by vendor and model family if absent.",
        examples=["max_tokens"],
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"deployment": value} if isinstance(value, str) else value


class ModelOptions(Part):
    """A name that callers use. A deployment, or a list of them, may stand here directly."""

    deployments: ListOf[DeploymentOptions] = Field(
        default=[], description="Where it is served, in order of preference.", examples=[["openai/gpt-5.4-mini"]]
    )
    description: str = Field(default="", description="What it is good for.", examples=["Right-sized default."])

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"deployments": value} if isinstance(value, str | list) else value


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
        default=None, description="Output cap of requests that set none; `null` for no cap.", examples=[1024]
    )
    lane: LaneName | None = Field(default=None, description="Priority of its traffic.", examples=["interactive"])
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
        description="Output cap of requests that set none; the class's if absent, `null` for no cap.",
        examples=[800],
    )
    budget: Budget = Field(
        default=Budget(), description="Limits that differ from the class's.", examples=[{"ttft": {"p95": "800ms"}}]
    )
    deadlines: Deadlines = Field(
        default=Deadlines(), description="Deadlines that differ from the class's.", examples=[{"total": "30s"}]
    )
    description: str = Field(
        default="", description="What the feature does.", examples=["Answers customers in the help widget."]
    )


class AlertOptions(Part):
    """Where a team hears of breaches: one channel."""

    slack: Secret | None = Field(default=None, description="Slack webhook.", examples=["env:SUPPORT_SLACK_WEBHOOK"])
    webhook: Secret | None = Field(
        default=None, description="Any webhook that takes JSON.", examples=["env:OPS_WEBHOOK"]
    )
    pagerduty: Secret | None = Field(default=None, description="PagerDuty routing key.", examples=["env:PAGERDUTY_KEY"])
    email: str | None = Field(default=None, description="Mail address.", examples=["support-oncall@acme.example"])


class TeamOptions(Part):
    """A team that owns services."""

    alerts: ListOf[AlertOptions] = Field(
        default=[], description="Where it hears of breaches.", examples=[[{"slack": "env:SLACK"}]]
    )
    phase: PhaseName | None = Field(default=None, description="Where it stands in the rollout.", examples=["pilot"])
    contact: str = Field(default="", description="Whom to ask.", examples=["#support-platform"])


class ServiceBudget(Part):
    """Money a service may spend."""

    usd_per_month: Money | None = Field(default=None, description="US dollars a calendar month.", examples=[400])


class ServiceOptions(Part):
    """An application that calls models. It must have an owner and at least one use case."""

    owner: str | None = Field(default=None, description="The team that answers for it; required.", examples=["support"])
    use_cases: _Names = Field(default=[], description="Its use cases; at least one.", examples=[["support-chat"]])
    default_use_case: str | None = Field(
        default=None,
        description="Use case of untagged requests; the only one if there is one.",
        examples=["support-chat"],
    )
    mode: ModeName | None = Field(
        default=None, description="How strictly the standards apply; `policy.mode` if absent.", examples=["warn"]
    )
    budget: ServiceBudget = Field(
        default=ServiceBudget(), description="Money it may spend.", examples=[{"usd_per_month": 400}]
    )
    description: str = Field(default="", description="What it does.", examples=["Help desk web application."])


class WaiverOptions(Part):
    """An approved exception with an end."""

    service: str = Field(description="The service it covers.", examples=["helpdesk"])
    use_case: str | None = Field(
        default=None, description="The use case it covers; all of the service if absent.", examples=["support-chat"]
    )
    model: str | None = Field(default=None, description="The model it allows.", examples=["large"])
    rule: str | None = Field(
        default=None, description="The rule it lifts: a code that `paceline explain` knows.", examples=["G204"]
    )
    reason: str = Field(min_length=1, description="Why.", examples=["Evaluation of the large model until the launch."])
    requester: str = Field(min_length=1, description="Who asked.", examples=["dana"])
    approver: str = Field(min_length=1, description="Who agreed.", examples=["lee"])
    granted: date | None = Field(default=None, description="First day; today if absent.", examples=["2026-11-01"])
    until: date = Field(description="Last day.", examples=["2026-12-31"])


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
    prices: dict[str, PriceOptions] = Field(default={}, description="Contract prices by `PROVIDER/MODEL`.")
    policy: PolicyOptions = Field(default=PolicyOptions(), description="How strict the standards are by default.")
    gateway: GatewayOptions = Field(default=GatewayOptions(), description="Bounds of the gateway process.")


DIALECTS: tuple[str, ...] = get_args(DialectName)
