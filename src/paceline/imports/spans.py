"""Spans of time of sources, in seconds: as durations of ours, and as deadlines of a use case of class chat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from paceline.imports.findings import Notes
from paceline.standards.classes import BUILT_IN

__all__ = ["CLASS", "deadlines", "duration_text"]

CLASS: Final = "chat"
"""The class of use cases that come of an import: sources do not tell what an application is for."""

_DAY_S: Final = 86_400
_FIRST_TOKEN_S: Final = max(limit.value for limit in BUILT_IN[CLASS].limits if limit.metric == "ttft") / 1000


def duration_text(seconds: float) -> str:
    """Write a span as a duration, from a millisecond to a day."""
    ms = round(min(max(seconds, 0.001), _DAY_S) * 1000)
    return f"{ms}ms" if ms % 1000 else f"{ms // 1000}s"


def deadlines(
    notes: Notes, places: Iterable[str], total_s: float | None, first_token_s: float | None = None
) -> dict[str, Any]:
    """Return `deadlines` of a use case, or nothing; `places` are where the one of the first token stands."""
    made = {}
    if first_token_s:
        if first_token_s >= _FIRST_TOKEN_S:
            made["first_token"] = duration_text(first_token_s)
        else:
            why = (
                f"class {CLASS} allows a first token up to {_FIRST_TOKEN_S:g} s late; the deadline would end it before"
            )
            for path in places:
                notes.note("left out", path, why, "a use case of a quicker class, with `deadlines: {first_token: …}`")
    if total_s:
        made["total"] = duration_text(total_s)
    return {"deadlines": made} if made else {}
