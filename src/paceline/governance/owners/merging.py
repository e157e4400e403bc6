"""What other catalogues say of owners beside what the standards say: what is new, what differs, what is not clear.

Conflicts are told, never guessed. Owns no file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from paceline.standards import Standards

__all__ = ["Claim", "Proposal", "merged"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a catalogue says of one service."""

    service: str
    team: str
    """Empty where it says nothing that can be used."""
    source: str
    why_not: str = ""
    is_marked: bool = False
    """True where it names the service on purpose; others are components that may be no service at all."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What follows for the standards."""

    changes: dict[str, tuple[str, str]]
    """Service → owner in the standards (empty for none) and owner to be."""
    new_teams: tuple[str, ...]
    """Teams that the standards do not have yet."""
    same: int
    problems: tuple[str, ...]
    """What a person has to decide."""
    others: tuple[str, ...]
    """Components that are no service of the standards."""


def merged(standards: Standards, claims: Iterable[Claim]) -> Proposal:
    """Compare claims with the standards."""
    services, teams = standards.options.services, standards.options.teams
    by_service: defaultdict[str, list[Claim]] = defaultdict(list)
    others, problems = set[str](), list[str]()
    for claim in claims:
        if claim.service in services:
            by_service[claim.service].append(claim)
        elif claim.is_marked:
            problems.append(f"{claim.service}: {claim.source} names it, and the standards have no such service")
        else:
            others.add(claim.service)
    changes, same = {}, 0
    for service, said in sorted(by_service.items()):
        named = sorted({claim.team for claim in said if claim.team})
        problems += [f"{service}: {claim.why_not}" for claim in said if claim.why_not]
        now = services[service].owner or ""
        if len(named) > 1:
            where = "; ".join(f"{claim.team} in {claim.source}" for claim in said if claim.team)
            problems.append(f"{service}: two owners: {where}")
        elif named and named[0] == now:
            same += 1
        elif named:
            changes[service] = (now, named[0])
    new = sorted({team for _, team in changes.values()} - teams.keys())
    return Proposal(changes, tuple(new), same, tuple(problems), tuple(sorted(others)))
