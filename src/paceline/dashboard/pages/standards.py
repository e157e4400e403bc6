"""The standards as they are in force, rendered for people who do not read YAML, and what changed in them when."""

from __future__ import annotations

from typing import Any, NamedTuple

from paceline.dashboard.plan_changes import Change, changes
from paceline.dashboard.sources import Sources
from paceline.ledger.plans import Revision
from paceline.standards import Standards

__all__ = ["Step", "one_step", "values"]

MOST_STEPS = 50


class Step(NamedTuple):
    """One change of the standards: when, and what became different. The first known document has no changes."""

    hash8: str
    at: float
    changes: list[Change]
    is_first: bool


def values(sources: Sources, standards: Standards | None) -> dict[str, Any]:
    """Return what the page says: the standards by part, and their history, the newest first."""
    steps = history(sources)
    status = sources.status()
    return {
        "options": None if standards is None else standards.options,
        "policy": [] if standards is None else _policy(standards),
        "terms": {} if standards is None else standards.use_cases,
        "steps": steps,
        "plan": status["plan"],
        "file": status["standards"],
    }


def history(sources: Sources) -> list[Step]:
    """Return the changes that are known, the newest first. Raises `LedgerError`."""
    return sources.kept("standards history", lambda: _steps(sources.ledger.plans.history(most=MOST_STEPS)))


def one_step(sources: Sources, hash8: str) -> dict[str, Any] | None:
    """Return one change with its neighbours; none for a plan that is not known."""
    steps = history(sources)
    place = next((at for at, step in enumerate(steps) if step.hash8 == hash8), None)
    if place is None:
        return None
    later, earlier = steps[place - 1] if place else None, steps[place + 1] if place + 1 < len(steps) else None
    return {"step": steps[place], "later": later, "earlier": earlier}


def _steps(revisions: list[Revision]) -> list[Step]:
    pairs = zip(revisions, [*revisions[1:], None], strict=True)
    return [
        Step(
            now.hash8,
            now.first_seen_us / 1e6,
            [] if was is None else changes(was.document, now.document),
            was is None,
        )
        for now, was in pairs
    ]


def _policy(standards: Standards) -> list[tuple[str, str]]:
    """Return the rules where a service says nothing, and how long the ledger keeps what it knows."""
    policy, kept = standards.options.policy, standards.options.ledger
    return [
        ("mode of services without one", policy.mode),
        ("a call whose price is unknown, under a limit of money", policy.unknown_price),
        ("a limit counts as near from", f"{policy.warn_at:.0%} of it"),
        ("longest waiver", f"{policy.waiver_days_max} days"),
        ("tasks whose answers are cached", ", ".join(policy.cached_tasks) or "none"),
        ("single requests are kept", f"{kept.requests_days} days"),
        ("sums by the hour are kept", f"{kept.hours_days} days"),
    ]
