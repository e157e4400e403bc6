"""Site records: what a front end says of one place in the code, and all that a rule may see.

A fact is *yes*, *no* or *unknown*, with the place that decided it. Must not know any language's syntax tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Whether something holds, as far as the code says."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a place in the code is."""

    CLIENT = "client"
    FRAMEWORK = "framework"
    GENERATION = "generation"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both from 1, in the file of the site."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One parameter: whether it is set, where that was decided, why, and its value when it is a literal."""

    state: State
    place: Place | None = None
    because: str = ""
    value: Any = None

    def as_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        place = {"line": self.place.line, "column": self.place.column} if self.place else None
        return {"state": self.state.value, "place": place, "because": self.because}


@dataclass(frozen=True, slots=True)
class Site:
    """One construction, call or prompt."""

    kind: Kind
    path: str
    place: Place
    end: Place
    product: str
    provider: str
    api: str
    method: str
    origin: str
    facts: dict[str, Fact] = field(default_factory=dict)
    in_async: bool = False
    blocking: bool | None = None
    per_call: bool = False

    def fact(self, name: str) -> Fact:
        """Return a fact; what was not asked is unknown."""
        return self.facts.get(name, Fact(State.UNKNOWN))

    def as_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "kind": self.kind.value,
            "path": self.path,
            "line": self.place.line,
            "column": self.place.column,
            "product": self.product,
            "api": self.api,
            "method": self.method,
            "origin": self.origin,
            "facts": {name: fact.as_dict() for name, fact in sorted(self.facts.items())},
        }
