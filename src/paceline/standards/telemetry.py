"""What a person writes about what leaves the gateway: export of traces and metrics, and whose text may go along.

Owns these keys of `Options` and their defaults. Nothing is exported unless `telemetry.otlp` is written, and no text
unless a use case has a `capture` whose last day has not passed. Must not look at other sections (`telemetry_checks`).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from paceline.standards.budget import Part
from paceline.standards.faults import Code
from paceline.standards.names import shown
from paceline.standards.scalars import Address, Duration, Secret, Share, Size, wrong

__all__ = ["CaptureOptions", "OtlpOptions", "TelemetryOptions"]

_HEADER = re.compile(r"[a-z0-9._-]{1,100}")
_ATTRIBUTE = re.compile(r"[a-z0-9_.]{1,100}")
_CAPTURED_MAX = 256 << 10
_OF_THE_EXPORT = {"connection", "content-encoding", "content-length", "content-type", "host", "te", "transfer-encoding"}
_OF_THE_EXPORT |= {"user-agent"}


def _headers(headers: Any) -> Any:
    if not isinstance(headers, dict):
        return headers
    lower = {name.lower() if isinstance(name, str) else name: value for name, value in headers.items()}
    for name in lower:
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            hint = "Names are letters, digits, dots and dashes"
            raise wrong(Code.VALUE_WRONG, f"the header {shown(name)} is not valid", hint)
        if name in _OF_THE_EXPORT or name.startswith("grpc-"):
            raise wrong(Code.VALUE_WRONG, f"the export itself writes the header {shown(name)}", "Leave it out")
    return lower


def _attributes(attributes: dict[str, str]) -> dict[str, str]:
    for name in attributes:
        if not _ATTRIBUTE.fullmatch(name):
            hint = "Write a name such as `deployment.environment.name`"
            raise wrong(Code.VALUE_WRONG, f"{shown(name)} is not the name of an attribute", hint)
    return attributes


class OtlpOptions(Part):
    """Export of traces and metrics to an OpenTelemetry collector. It runs beside requests and never delays one."""

    endpoint: Address = Field(
        description="The collector; over HTTP, `/v1/traces` and `/v1/metrics` are added.",
        examples=["http://127.0.0.1:4317"],
    )
    protocol: Literal["grpc", "http"] = Field(
        default="grpc", description="gRPC, or protobuf over HTTP.", examples=["grpc"]
    )
    headers: Annotated[dict[str, Secret], BeforeValidator(_headers)] = Field(
        default={},
        description="Headers of each export, such as a vendor's key.",
        examples=[{"api-key": "env:OTLP_KEY"}],
    )
    compression: Literal["gzip", "none"] = Field(default="gzip", description="Of each export.", examples=["gzip"])
    names: Literal["v1.41", "new", "both"] = Field(
        default="v1.41",
        description="Which version of the GenAI conventions names metrics and attributes.",
        examples=["both"],
    )
    traces: bool = Field(default=True, description="Export a span for each request and each attempt.", examples=[True])
    metrics: bool = Field(default=True, description="Export metrics.", examples=[True])
    sample: Share = Field(
        default=0.1,
        description="Share of requests whose spans are exported where the caller sends no `traceparent`, whose flag "
        "decides otherwise. Failures and requests over a limit always are.",
        examples=["10%"],
    )
    interval: Duration = Field(
        default=60_000, ge=1_000, description="Between two exports of metrics.", examples=["60s"]
    )
    temporality: Literal["cumulative", "delta"] = Field(
        default="cumulative", description="Whether metrics count from the start or from the last export.",
        examples=["cumulative"],
    )  # fmt: skip
    histograms: Literal["exponential", "explicit"] = Field(
        default="exponential",
        description="Exponential histograms, or the boundaries that the conventions advise.",
        examples=["exponential"],
    )
    timeout: Duration = Field(default=10_000, ge=100, description="Of one export.", examples=["10s"])
    queue_max: int = Field(
        default=2_048,
        ge=1,
        le=1_000_000,
        description="Requests that may wait for export; more are dropped and counted.",
        examples=[2048],
    )
    attributes: Annotated[dict[str, str], AfterValidator(_attributes)] = Field(
        default={},
        description="Attributes of the resource, beside `service.name: paceline`.",
        examples=[{"deployment.environment.name": "production"}],
    )


class TelemetryOptions(Part):
    """What leaves the gateway besides answers, its journal and `/metrics`."""

    otlp: OtlpOptions | None = Field(
        default=None, description="Export of traces and metrics; none if absent.", examples=[None]
    )


class CaptureOptions(Part):
    """Leave to export the text of requests and answers on their spans, for a time, for a reason."""

    until: date = Field(
        description="Last day, in UTC, at most 30 days from today; nothing is captured after it, renewed or not.",
        examples=["2026-12-15"],
    )
    reason: str = Field(min_length=1, max_length=500, description="Why.", examples=["Wrong answers since the change."])
    requester: str = Field(min_length=1, max_length=200, description="Who asked.", examples=["dana"])
    approver: str = Field(min_length=1, max_length=200, description="Who agreed.", examples=["lee"])
    bytes_max: Size = Field(
        default=16 << 10,
        ge=1,
        le=_CAPTURED_MAX,
        description="Most text of either side of one request; the rest is cut.",
        examples=["16KiB"],
    )
