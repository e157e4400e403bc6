"""What a person writes about where models are served: providers, models, deployments.

Owns these keys of `Options`. Must not know which vendors there are (see `vendors`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from paceline.standards.budget import Part, PriceOptions
from paceline.standards.faults import Code
from paceline.standards.names import shown
from paceline.standards.scalars import Address, ListOf, Secret, Spelling, wrong

__all__ = ["ApiName", "CapFieldName", "DeploymentOptions", "DialectName", "ModelOptions", "ProviderOptions"]

DialectName = Literal["openai", "anthropic"]
ApiName = Literal["chat", "completions", "embeddings", "responses", "messages", "count_tokens", "models"]
CapFieldName = Literal["max_tokens", "max_completion_tokens", "max_output_tokens"]

_DEPLOYMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}/[!-~]{1,200}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[ -~]{0,4000}")
_SECRET_HEADERS = {"authorization", "x-api-key", "api-key", "proxy-authorization", "cookie"}


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
