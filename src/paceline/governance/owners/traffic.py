"""Traffic that nobody answers for: services without an owner or unknown to the standards, and calls without a tag."""

from __future__ import annotations

from typing import NamedTuple

from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["Ownerless", "ownerless"]


class Ownerless(NamedTuple):
    """Calls nobody answers for."""

    service: str
    """Empty for calls without a known service."""
    why: str
    requests: int
    cost_usd: float


def ownerless(ledger: Ledger, standards: Standards, since: float, until: float) -> list[Ownerless]:
    """List them, the most calls first: Unix seconds. Reads one count a service. Raises `LedgerError`."""
    services = standards.options.services
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in ledger.reading(since, until, resolution=60).counts(("service",)):
        name = row.service or ""
        known = services.get(name)
        why = "no service" if not name else "not in the standards" if known is None else "no owner"
        for reason, n, cost in (
            (why if known is None or not known.owner else "", row.n, row.cost_nanousd),
            ("no tag" if known is not None and known.owner else "", row.n_untagged, 0),
        ):
            if reason and n:
                before = found.get((name, reason), (0, 0))
                found[name, reason] = (before[0] + n, before[1] + cost)
    listed = [Ownerless(name, why, n, cost / 1e9) for (name, why), (n, cost) in found.items()]
    return sorted(listed, key=lambda one: (-one.requests, one.service, one.why))
