"""The bounds of the gateway process and the ledger, policy and what the linter asks, as a person writes them.

Owns their defaults. Every queue, map, body and wait of the gateway is bounded by a value from here.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from paceline.standards.budget import Part
from paceline.standards.scalars import Duration, ListOf, Share, Size

__all__ = [
    "GatewayOptions",
    "JournalOptions",
    "LedgerOptions",
    "LintOptions",
    "ModeName",
    "PolicyOptions",
    "TlsOptions",
]

ModeName = Literal["observe", "warn", "enforce"]
_MIB = 1 << 20


class TlsOptions(Part):
    """A certificate for callers; without it the gateway speaks plain HTTP."""

    certificate: str = Field(
        description="Path of the PEM file with the certificate chain.", examples=["/etc/paceline/tls.crt"]
    )
    key: str = Field(description="Path of the PEM file with the private key.", examples=["/etc/paceline/tls.key"])


class JournalOptions(Part):
    """The usage journal on local disk."""

    segment_bytes: Size = Field(default=8 * _MIB, ge=64 << 10, description="Size of one segment.", examples=["8MiB"])
    bytes_max: Size = Field(
        default=1024 * _MIB, ge=1 << 20, description="Disk bound over all segments.", examples=["1GiB"]
    )
    sync: Duration = Field(default=1_000, ge=10, description="A power cut loses at most this much.", examples=["1s"])
    when_full: Literal["serve", "refuse"] = Field(
        default="serve",
        description="At the disk bound: `serve` goes on and counts the records dropped, `refuse` answers 503 until "
        "the ledger has caught up.",
        examples=["serve"],
    )


class GatewayOptions(Part):
    """Bounds of the gateway process."""

    body_bytes_max: Size = Field(
        default=32 * _MIB, ge=1024, description="Largest request body; 413 above it.", examples=["32MiB"]
    )
    head_bytes_max: Size = Field(
        default=64 << 10, ge=1024, description="Largest request or answer head.", examples=["64KiB"]
    )
    headers_max: int = Field(
        default=100, ge=8, le=4096, description="Most headers of a request; 431 above it.", examples=[100]
    )
    head_read: Duration = Field(
        default=10_000, ge=1, description="Time for a caller to send its whole head.", examples=["10s"]
    )
    body_read: Duration = Field(
        default=60_000, ge=1, description="Time for a caller to send its whole body.", examples=["60s"]
    )
    connections_max: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Most caller connections.", examples=[10000]
    )
    connections_per_address_max: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Most connections from one address; 0 for no bound of its own.",
        examples=[1000],
    )
    requests_in_flight_max: int = Field(
        default=4_096, ge=1, le=1_000_000, description="Most requests at once; 503 above it.", examples=[4096]
    )
    idle_connections_per_provider_max: int = Field(
        default=256, ge=0, le=65_536, description="Most idle connections kept for one provider.", examples=[256]
    )
    idle_connection: Duration = Field(
        default=50_000,
        ge=1,
        description="Idle time after which a pooled connection is closed; keep it below the providers' own.",
        examples=["50s"],
    )
    connection_age_max: Duration = Field(
        default=300_000,
        ge=1,
        description="Age after which a pooled connection is not used again, so that a name that moved is followed.",
        examples=["5m"],
    )
    drain: Duration = Field(
        default=30_000, ge=0, description="Time for open answers to end at shutdown.", examples=["30s"]
    )
    label_sets_max: int = Field(
        default=1_000,
        ge=1,
        le=100_000,
        description="Most label sets in the metrics text; the rest count as `other`.",
        examples=[1000],
    )
    answer_scan_bytes_max: Size = Field(
        default=8 * _MIB,
        ge=1024,
        description="Longest unstreamed answer read for its usage; longer ones are estimated.",
        examples=["8MiB"],
    )
    tls: TlsOptions | None = Field(default=None, description="Certificate for callers.", examples=[None])
    journal: JournalOptions = Field(default=JournalOptions(), description="The usage journal.")


class LedgerOptions(Part):
    """How long the ledger keeps what it knows. What is older goes; sums become coarser before they do."""

    requests_days: int = Field(default=30, ge=1, le=3660, description="A row for each request.", examples=[14])
    requests_bytes_max: Size = Field(
        default=8192 * _MIB, ge=1 << 20, description="Size of those rows; the oldest go first.", examples=["8GiB"]
    )
    minutes_days: int = Field(default=3, ge=1, le=3660, description="Sums by the minute.", examples=[7])
    ten_minutes_days: int = Field(
        default=30,
        ge=1,
        le=3660,
        description="Sums by ten minutes, those by length of prompt and answer among them.",
        examples=[60],
    )
    hours_days: int = Field(
        default=400, ge=1, le=3660, description="Sums by the hour; 400 days are 13 months.", examples=[800]
    )


class PolicyOptions(Part):
    """How strict the standards are where a service says nothing."""

    mode: ModeName = Field(
        default="warn",
        description="Mode of services without one: `observe` records, `warn` also caps and advises, `enforce` refuses.",
        examples=["warn"],
    )
    unknown_price: Literal["allow", "refuse"] = Field(
        default="allow",
        description="A call whose price is unknown while a money limit applies to it: `allow` serves and records it.",
        examples=["allow"],
    )
    warn_at: Share = Field(
        default=0.8, description="Share of a limit from which its use is recorded as an event.", examples=["80%"]
    )
    cached_tasks: ListOf[str] = Field(
        default=["classify", "embed"],
        description="Tasks whose use cases have a cache of requests with temperature 0, unless they say otherwise.",
        examples=[["classify", "embed"]],
    )
    cached_tasks_ttl: Duration = Field(
        default=3_600_000, ge=1, description="How long such answers may be used again.", examples=["1h"]
    )
    waiver_days_max: int = Field(
        default=90, ge=1, le=3660, description="Longest waiver without a warning, in days.", examples=[90]
    )


class LintOptions(Part):
    """What `paceline check` asks of every project, beside models, caps, times and use cases, which it reads above."""

    gateways: ListOf[str] = Field(
        default=[],
        description="Hosts, with their port if they have one, that are the gateway.",
        examples=[["llm.acme.example", "10.0.0.5:4100"]],
    )
    clients: ListOf[str] = Field(
        default=[],
        description="Files that may construct clients, as patterns of paths; elsewhere the shared client is used.",
        examples=[["src/acme/llm.py"]],
    )
    packages: ListOf[str] = Field(
        default=[],
        description="Packages of providers and frameworks that a project may depend on; any if empty.",
        examples=[["openai", "anthropic"]],
    )
