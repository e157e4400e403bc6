"""What is known of an incident beside its columns: words and figures for alerts and screens."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

__all__ = ["Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """How bad it is and what explains it, at the last look. Shares run from 0 to 1."""

    what: str = ""
    """What is wrong, as a clause: `ttft p95 is over 800 ms`."""
    share_over: float | None = None
    budget_left: float | None = None
    """Share of the 28 days' error budget that is left; below 0 when it is overdrawn."""
    days_left: float | None = None
    changed: tuple[str, ...] = ()
    next_step: str = ""

    def dumped(self) -> str:
        """Give them as JSON, what is not known left out."""
        known = {name: value for name, value in asdict(self).items() if value not in (None, "", ())}
        return json.dumps(known, ensure_ascii=False)

    @classmethod
    def loaded(cls, text: str) -> Facts:
        """Read what `dumped` gave."""
        known = json.loads(text)
        return cls(**{**known, "changed": tuple(known.get("changed", ()))})
