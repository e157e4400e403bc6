"""A service's card: what every check said, the level that follows, and the one thing to do next."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from paceline.governance.scorecard.checks import CHECKS, Check, Result, Verdict
from paceline.governance.scorecard.gathering import Facts, gathered
from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["Card", "Level", "card_of", "scorecards"]


class Level(enum.StrEnum):
    """How far a service has come: all checks of a level and of those below it are met, or do not apply."""

    NONE = "none"
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


_LADDER = (Level.BRONZE, Level.SILVER, Level.GOLD)


@dataclass(frozen=True, slots=True)
class Card:
    """One service's checks."""

    service: str
    owner: str
    results: tuple[tuple[Check, Result], ...]

    @property
    def level(self) -> Level:
        """The highest level whose checks and all below are met; what has no data is not."""
        reached = Level.NONE
        for level in _LADDER:
            own = [result.verdict for check, result in self.results if check.level == level]
            if any(verdict not in (Verdict.MET, Verdict.NOT_APPLICABLE) for verdict in own):
                return reached
            reached = level
        return reached

    @property
    def next_step(self) -> str:
        """The one thing to do next: that of the first check that is not met."""
        for check, result in self.results:
            if result.verdict is Verdict.NOT_MET:
                return f"{check.name}: {result.next_step}"
        waiting = next((check.name for check, result in self.results if result.verdict is Verdict.NO_DATA), "")
        return f"{waiting}: wait for traffic" if waiting else ""

    def document(self) -> dict[str, Any]:
        """Return the card as JSON shows it."""
        checks = [
            {
                "name": check.name,
                "level": check.level,
                "question": check.question,
                "verdict": result.verdict.value,
                "figure": result.figure,
                "next": result.next_step,
            }
            for check, result in self.results
        ]
        said = {"service": self.service, "owner": self.owner, "level": self.level.value, "next": self.next_step}
        return {**said, "checks": checks}


def card_of(facts: Facts) -> Card:
    """Ask every check about a service."""
    return Card(facts.name, facts.owner, tuple((check, check.decide(facts)) for check in CHECKS))


def scorecards(ledger: Ledger, standards: Standards, now: float, *, only: str | None = None) -> list[Card]:
    """Return the cards of all services of the standards, by name; with `only` that one's alone.

    `now`: Unix seconds. Raises `LedgerError`.
    """
    return [card_of(facts) for facts in gathered(ledger, standards, now, only=only)]
