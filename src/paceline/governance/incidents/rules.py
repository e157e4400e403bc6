"""What standards, waivers and exclusions say of a service's limits: the questions that looks ask. Owns no answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from paceline.governance.exclusions import excluded
from paceline.governance.waivers import in_force
from paceline.ledger import Ledger
from paceline.ledger.incidents import LimitKey
from paceline.standards import METRICS, Standards

__all__ = ["Accepted", "Rules", "limit_value", "rules_of"]

_WINDOW_S = 28 * 86_400


class Accepted(NamedTuple):
    """The waiver that accepts something, and until when."""

    waiver: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds at one moment."""

    owner: Callable[[str], str] = lambda _: ""
    """The team of a service; empty for none."""
    value: Callable[[LimitKey], str | None] = lambda _: ""
    """A limit's value as people write it, `800 ms`; none for a limit that the standards do not have."""
    accepted: Callable[[LimitKey], Accepted | None] = lambda _: None
    is_excluded: Callable[[str, str, int], bool] = lambda _service, _use_case, _minute: False
    """Tells whether a minute of a service's use case is not to be judged: known maintenance."""


def rules_of(ledger: Ledger, standards: Standards, now: float) -> Rules:
    """Return what holds at a time, Unix seconds. Raises `LedgerError`."""
    waivers = in_force(ledger, standards, now)
    services = standards.options.services

    def owner(service: str) -> str:
        return (services[service].owner or "") if service in services else ""

    def accepted(limit: LimitKey) -> Accepted | None:
        found = waivers.covering(*limit)
        return Accepted(found.id, found.ends) if found is not None and found.ends is not None else None

    times = excluded(ledger, standards, now - _WINDOW_S, now)
    return Rules(owner, lambda limit: limit_value(standards, limit), accepted, times.covers)


def limit_value(standards: Standards, limit: LimitKey) -> str | None:
    """Return the value of a limit as people write it; none when the standards do not have it."""
    terms = standards.use_cases.get(limit.use_case)
    found = [
        each.value
        for each in (terms.limits if terms is not None else ())
        if METRICS[each.metric] == limit.metric and each.percentile == limit.percentile
    ]
    return _words(limit.metric, found[0]) if found else None


def _words(metric: str, value: float) -> str:
    if metric.endswith("_ms"):
        return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"
    return f"${value:g}" if metric == "cost_usd" else f"{value:.3g}"
