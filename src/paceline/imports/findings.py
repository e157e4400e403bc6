"""What could not be carried over as it was, and what went wrong: where it stands in the source, why, what to do.

No finding quotes a value that may be a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Finding", "ImportsError", "Notes", "grouped"]

Kind = Literal["left out", "changed", "to do"]


class ImportsError(Exception):
    """A source cannot be read, or nothing of it can be used; `fix` says what to do."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(wrong)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Finding:
    """One place of the source."""

    kind: Kind
    """`left out`: nothing of it is in the result; `changed`: it is, otherwise; `to do`: a person must act first."""
    path: str
    """Where in the source: `model_list[0].litellm_params.rpm`."""
    why: str
    instead: str
    """What to do instead; empty where nothing needs doing."""

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return asdict(self)


class Notes:
    """Collects findings, each once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def note(self, kind: Kind, path: str, why: str, instead: str = "") -> None:
        """Add a finding."""
        self._found[Finding(kind, path or "(the whole)", why, instead)] = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found: first what a person must do, then what changed, then what was left out."""
        order = {"to do": 0, "changed": 1, "left out": 2}
        return tuple(sorted(self._found, key=lambda finding: order[finding.kind]))


def grouped(findings: Iterable[Finding]) -> Iterator[tuple[Finding, list[str]]]:
    """Yield findings that say the same of several places once: the first, and where else it holds."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.kind, finding.why, finding.instead), []).append(finding)
    for same in alike.values():
        yield same[0], [each.path for each in same[1:]]
