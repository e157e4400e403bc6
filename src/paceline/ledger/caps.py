"""What an output cap should be, from the lengths of the answers: pure rules, decided on figures handed in.

Owns the margins, the floors, and when a cap is changed or taken back. Reads nothing (see `learning`). A cap that is too
wide costs money when a model runs away; one that is too narrow cuts answers short, which is worse: hence the margins,
and the way back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ANSWERS_MIN: Final = 200
"""Answers below which nothing is suggested: p99 would be two of them."""
MARGIN: Final = 1.5
FLOOR: Final = 64
REASONING_MARGIN: Final = 3.0
REASONING_FLOOR: Final = 1024
"""Reasoning varies far more from one prompt to the next than what is said in the end."""
REASONING_SHARE: Final = 0.01
KNOWN_SHARE: Final = 0.9
"""Share of a use case's answers that must come from models of which enough is known."""
CHANGE_SHARE: Final = 0.2
"""A suggestion that differs less than this changes nothing, so that plans do not change for noise."""
CUT_SHARE: Final = 0.02
CUT_FACTOR: Final = 2.0
CUT_ANSWERS_MIN: Final = 50
REST_S: Final = 7 * 86_400.0
"""How long a cap that was taken back stays the class's."""

LEARNED: Final = "learned"
CUT_SHORT: Final = "cut short"


@dataclass(frozen=True)
class Lengths:
    """Answers of one use case by one model: how many, their p99 in tokens, and whether the model reasons."""

    n: int
    p99: float | None
    reasoning: bool = False


@dataclass(frozen=True)
class Answers:
    """Answers under a cap of the gateway's, and of them those that ended because of their length."""

    n: int = 0
    cut: int = 0

    @property
    def share(self) -> float:
        """Return the share that was cut short."""
        return self.cut / self.n if self.n else 0.0


@dataclass(frozen=True)
class Standing:
    """The last change of a use case's cap, and what came of it. `cap` is None where the class's holds again."""

    cap: int | None
    why: str
    at: float
    """Unix seconds."""
    before: Answers
    since: Answers


@dataclass(frozen=True)
class Change:
    """A cap to be set; None to go back to the class's."""

    cap: int | None
    why: str


def suggested(lengths: Lengths) -> int | None:
    """Return the cap that these answers suggest; None where too few are known."""
    if lengths.n < ANSWERS_MIN or lengths.p99 is None:
        return None
    margin, floor = (REASONING_MARGIN, REASONING_FLOOR) if lengths.reasoning else (MARGIN, FLOOR)
    return max(floor, math.ceil(lengths.p99 * margin))


def suggested_for_all(models: Mapping[str, Lengths]) -> int | None:
    """Return one cap for a use case that uses several models: the widest, if enough is known of nearly all answers."""
    caps = {model: cap for model, lengths in models.items() if (cap := suggested(lengths)) is not None}
    known = sum(models[model].n for model in caps)
    total = sum(lengths.n for lengths in models.values())
    return max(caps.values()) if caps and known >= KNOWN_SHARE * total else None


def decide(suggestion: int | None, standing: Standing | None, now: float) -> Change | None:
    """Return the change that is due, if any; `now` is Unix seconds."""
    if standing is not None and standing.cap is not None and is_harmful(standing.before, standing.since):
        return Change(None, CUT_SHORT)
    if suggestion is None or (standing is not None and standing.why == CUT_SHORT and now - standing.at < REST_S):
        return None
    if standing is None or standing.cap is None:
        return Change(suggestion, LEARNED)
    differs = abs(suggestion - standing.cap) > CHANGE_SHARE * standing.cap
    return Change(suggestion, LEARNED) if differs else None


def is_harmful(before: Answers, since: Answers) -> bool:
    """Tell whether a change made clearly more answers end because of their length."""
    return since.n >= CUT_ANSWERS_MIN and since.share > max(CUT_SHARE, CUT_FACTOR * before.share)
