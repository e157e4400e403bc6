"""The plan that crosses to the gateway: its document, its canonical bytes, its hash.

Owns the hash rule, which `crates/plan/src/hash.rs` checks over the bytes as sent. Must not know `Options` (see
`planning`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from paceline.standards.faults import StandardsNameError

__all__ = ["FORMAT", "Plan", "PlanKey", "PlanLimit", "PlanRates", "canonical", "plan_hash"]

FORMAT = 3


class PlanRates(TypedDict):
    """The most that a key, service, use case, team or deployment may do; None is no limit."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    requests_in_flight: int | None
    usd_per_day: float | None
    usd_per_month: float | None


class PlanKey(TypedDict):
    """A virtual key as the plan holds it: never its text.

    `service` is what it acts for when no tag says otherwise, `services` are further ones, `use_case` is that of
    untagged requests. Without `rates` it has no limits of its own.
    """

    id: str
    sha256: str
    service: str | None
    services: list[str]
    any_service: bool
    use_case: str | None
    rates: NotRequired[PlanRates]


class PlanLimit(TypedDict):
    """One limit as the plan holds it: milliseconds, US dollars or a share, by the metric's unit."""

    metric: str
    percentile: str
    value: float


@dataclass(frozen=True)
class Plan:
    """A plan. `document` is its plain form; do not change it.

    `left_out` lists the ids of keys that name a service or use case which the standards no longer have.
    """

    document: Mapping[str, Any]
    left_out: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """Hex SHA-256 over the canonical document without its own `hash`."""
        return str(self.document["hash"])

    @property
    def hash8(self) -> int:
        """The hash's first 8 bytes, big-endian: what usage records carry."""
        return int(self.hash[:16], 16)

    @property
    def json_bytes(self) -> bytes:
        """Canonical JSON, as the gateway takes it."""
        return canonical(self.document)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Deployments whose price is unknown, so that the cost of their requests will be."""
        return tuple(each["name"] for each in self.document["deployments"] if each["price"] is None)

    def limits(self, use_case: str) -> list[PlanLimit]:
        """List a use case's limits, by metric and percentile; raises `StandardsNameError`."""
        found: list[PlanLimit] = self._entry("use_cases", use_case)["limits"]
        return found

    def owner(self, service: str) -> str | None:
        """Name the team that owns a service; raises `StandardsNameError`."""
        owner: str | None = self._entry("services", service)["owner"]
        return owner

    def _entry(self, section: str, name: str) -> Mapping[str, Any]:
        for entry in self.document[section]:
            if entry["name"] == name:
                found: Mapping[str, Any] = entry
                return found
        raise StandardsNameError(f"the plan has no {name!r} among its {section.replace('_', ' ')}")


def canonical(document: Mapping[str, Any]) -> bytes:
    """Write JSON with sorted keys, no spaces, UTF-8 unescaped."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def plan_hash(document: Mapping[str, Any]) -> str:
    """Compute the hash of a document, whether or not it already holds one."""
    return hashlib.sha256(canonical({key: value for key, value in document.items() if key != "hash"})).hexdigest()
