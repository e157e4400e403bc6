"""The truth the linter is measured against: labels by reading, and which of the linter's sites each one is.

`lint_labels/<owner>+<name>.<language>.jsonl` holds a line a place: path, line, kind, API and facts (yes, no,
unknown: what nobody can tell from the code), and why where it is not plain. No code. Each file named there is
labelled completely: a site at a place without label is one that is not there. `agent` is a constructor that a model
is handed to; `other` an embedding, picture, voice or local model, which is neither asked for nor held against anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lint_repositories import REPOSITORIES, Repository

HERE = Path(__file__).resolve().parent / "lint_labels"
CALLS = {"generation"}
NEAR = 2
"""So many lines may a place differ by: a chain over several lines begins above its method."""


@dataclass(frozen=True)
class Label:
    """One place and what is true of it."""

    repository: Repository
    language: str
    path: str
    line: int
    stratum: str
    kind: str
    api: str = ""
    facts: dict[str, str] = field(default_factory=dict, compare=False)
    why: str = ""

    @property
    def is_site(self) -> bool:
        """Whether the linter should know this place."""
        return self.kind in {"generation", "client", "framework", "agent"}

    @property
    def is_local(self) -> bool:
        """Whether this is a call to a model on the machine itself, which nobody is asked to cap."""
        return self.kind == "other" and self.api.startswith(("ollama", "agno", "crewai"))

    @property
    def asks_cap(self) -> bool:
        """Whether a call without a cap is possible here: Anthropic's API refuses one."""
        return self.kind in CALLS and not self.api.startswith("anthropic")


@dataclass(frozen=True)
class Found:
    """One site that the linter reports: its kind, states of facts, and codes of rules that speak of it."""

    line: int
    kind: str
    states: dict[str, str] = field(default_factory=dict, compare=False)
    codes: frozenset[str] = frozenset()


def labels() -> list[Label]:
    """Read all labels, in order."""
    found = []
    for repository in REPOSITORIES:
        for file in sorted(HERE.glob(f"{repository.folder}.*.jsonl")):
            language = file.name.rsplit(".", 2)[1]
            lines = file.read_text(encoding="utf-8").splitlines()
            found += [Label(repository=repository, language=language, **json.loads(line)) for line in lines]
    return found


def pair(truth: Iterable[Label], found: Iterable[Found]) -> tuple[list[tuple[Label, Found | None]], list[Found]]:
    """Match the labels of one file with the sites found in it: pairs, and sites that no label accounts for.

    A call may stand for a call only, a constructor for a constructor; the nearest pair is taken first.
    """
    wanted = list(truth)
    left = list(found)
    close = sorted(
        (abs(site.line - label.line), at, number)
        for at, label in enumerate(wanted)
        for number, site in enumerate(left)
        if label.kind != "none" and abs(site.line - label.line) <= NEAR and _alike(label, site)
    )
    taken: dict[int, int] = {}
    for _, at, number in close:
        if at not in taken and number not in taken.values():
            taken[at] = number
    used = set(taken.values())
    pairs = [(label, left[taken[at]] if at in taken else None) for at, label in enumerate(wanted)]
    return pairs, [site for number, site in enumerate(left) if number not in used]


def _alike(label: Label, site: Found) -> bool:
    if label.kind == "other":
        return True
    if label.kind in CALLS:
        return site.kind == "generation"
    return site.kind in {"client", "framework"}
