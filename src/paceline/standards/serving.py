"""What a person writes about where models are served: providers, models, deployments.

Owns these keys of `Options`. Must not know which vendors there are (see `vendors`).
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from paceline.standards.budget import Part, PriceOptions
from paceline.standards.faults import Code
from paceline.standards.names import shown
from paceline.standards.scalars import Address, ListOf, Secret, Spelling, wrong
from paceline.standards.traffic import QueueOptions, RateLimits

__all__ = [
    "ApiName",
    "CapFieldName",
    "DeploymentOptions",
    "DialectName",
    "ModelOptions",
    "Network",
    "PromptCacheName",
    "ProviderOptions",
]

DialectName = Literal["openai", "anthropic"]
ApiName = Literal["chat", "completions", "embeddings", "responses", "messages", "count_tokens", "models"]
CapFieldName = Literal["max_tokens", "max_completion_tokens", "max_output_tokens"]
PromptCacheName = Literal["none", "markers", "key"]

_DEPLOYMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}/[!-~]{1,200}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]{0,4000}")
_SECRET_HEADERS = {"authorization", "x-api-key", "api-key", "proxy-authorization", "cookie"}
_FORWARD = re.compile(r"[a-z0-9!#$%&'+.^_`|~-]{1,100}\*?")
_OWN_HEADERS = {
    *_SECRET_HEADERS,
    *("host", "content-length", "content-encoding", "accept-encoding", "expect"),
    *("connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"),
}
_PASSTHROUGH = re.compile(r"/[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if name.lower() in _SECRET_HEADERS:
            hint = "The gateway sends the provider's key itself: name it under `key:` as `env:NAME`"
            raise wrong(Code.SECRET_INLINE, f"the header {shown(name)} would hold a secret", hint)
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            hint = "Names are letters, digits and dashes; values one line of printable ASCII"
            raise wrong(Code.VALUE_WRONG, f"the header {shown(name)} is not valid", hint)
    return headers


def _forwarded(value: Any) -> Any:
    name = value.lower() if isinstance(value, str) else ""
    if not _FORWARD.fullmatch(name):
        hint = "Write a header's name, or `x-NAME-*` for all that begin so"
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is not a header's name", hint)
    if name in _OWN_HEADERS or name.startswith("x-paceline-"):
        hint = "Credentials, framing and `x-paceline-` headers are between a caller and the gateway"
        raise wrong(Code.VALUE_WRONG, f"the header {shown(value)} never passes to a provider", hint)
    return name


def _passed_through(value: Any) -> Any:
    path = value.rstrip("/") if isinstance(value, str) else ""
    if len(path) > 200 or not _PASSTHROUGH.fullmatch(path) or ".." in path:
        hint = "Write a path below the base URL, such as `/images`"
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is not a path", hint)
    return path


def _network(value: Any) -> Any:
    try:
        network = ip_network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        network = None
    if network is None:
        hint = "Write an address or a network, such as `169.254.10.0/24`"
        raise wrong(Code.VALUE_WRONG, f"{shown(value)} is not an address or a network", hint)
    return str(network) if "/" in value else str(network.network_address)


_Forwarded = Annotated[str, BeforeValidator(_forwarded), Spelling("header names")]
_PassedThrough = Annotated[str, BeforeValidator(_passed_through), Spelling("paths")]
Network = Annotated[str, BeforeValidator(_network), Spelling("addresses or networks")]


def _deployment_name(value: Any) -> Any:
    if isinstance(value, str) and _DEPLOYMENT.fullmatch(value):
        return value
    hint = "Write `PROVIDER/MODEL`, such as `openai/gpt-5.4-mini`; the provider is a name under `providers:`"
    raise wrong(Code.DEPLOYMENT_MALFORMED, f"{shown(value)} is not a deployment", hint)


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
    forward_headers: ListOf[_Forwarded] | None = Field(
        default=None,
        description="Callers' headers that pass beyond the SDKs' own and trace context; the engine's if absent.",
        examples=[["x-tenant", "x-lab-*"]],
    )
    passthrough: ListOf[_PassedThrough] | None = Field(
        default=None,
        description="Paths below the base URL that are relayed as they come; the vendor's or engine's if absent.",
        examples=[["/images", "/audio"]],
    )
    addresses_allowed: ListOf[Network] = Field(
        default=[],
        description="Link-local and metadata addresses that it may be at although they are refused otherwise.",
        examples=[["169.254.10.0/24"]],
    )
    connections_max: int = Field(
        default=0, ge=0, le=1_000_000, description="Open connections to it at most; 0 for no bound.", examples=[512]
    )
    http2: bool = Field(
        default=False,
        description=("Speak HTTP/2 to it: as agreed at the TLS handshake, or to a plain address as known beforehand."),
        examples=[True],
    )
    priority: bool = Field(
        default=False,
        description="Its engine runs priority scheduling, so that requests carry their lane's priority.",
        examples=[True],
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
    limits: RateLimits = Field(
        default=RateLimits(),
        description="The most that is sent to it; past `requests_in_flight` requests wait in its queue.",
        examples=[{"requests_in_flight": 64}],
    )
    queue: QueueOptions = Field(
        default=QueueOptions(), description="The queue in front of it.", examples=[{"requests_max": 100}]
    )
    prompt_cache: PromptCacheName | None = Field(
        default=None,
        description="How its prompt cache is asked for: `markers` (`cache_control`), `key` (`prompt_cache_key`), "
        "`none`; by vendor and model family if absent.",
        examples=["none"],
    )
    prompt_cache_tokens_min: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Shortest prefix that it caches, in tokens; by model family if absent.",
        examples=[1024],
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
