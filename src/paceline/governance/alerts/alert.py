"""An alert: one incident's news, in facts. Owns its shape and its key; not a word of how it reads."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

__all__ = ["Alert", "Severity", "State"]


class Severity(enum.StrEnum):
    """How soon somebody has to look: now, today, this week."""

    PAGE = "page"
    URGENT = "urgent"
    TICKET = "ticket"


class State(enum.StrEnum):
    """Whether it goes on."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One incident's news. Times are UTC and aware; shares run from 0 to 1."""

    incident: str
    """The incident's id; the same for every message about it."""
    state: State
    severity: Severity
    service: str
    use_case: str
    """Empty where the whole service is meant."""
    owner: str
    """The team; empty for a service nobody owns."""
    contact: str
    what: str
    """What is wrong, as a clause: `p95 of ttft is over 800 ms`."""
    since: datetime
    ended: datetime | None = None
    """Set when it is resolved."""
    share_over: float | None = None
    """Share of requests over the limit now."""
    share_allowed: float | None = None
    budget_left: float | None = None
    """Share of the error budget that is left; below 0 when it is overdrawn."""
    days_left: float | None = None
    """Days until the budget is used up at the present rate."""
    changed: tuple[str, ...] = ()
    """What changed, most telling first."""
    next_step: str = ""
    link: str = ""
    event: str = ""
    """Why it is told now, where that is not its state: `worsened`, `reminder`, `overdue`, `test`."""
    among: tuple[str, ...] = ()
    """Headlines, where one message tells of several incidents."""

    @property
    def key(self) -> str:
        """What receivers recognise the incident by: stable over messages, restarts and renames of its text."""
        return f"paceline-{hashlib.sha256(self.incident.encode()).hexdigest()[:32]}"

    @property
    def subject(self) -> str:
        """Service and use case, as people say them."""
        return f"{self.service} / {self.use_case}" if self.use_case else self.service

    def dumped(self) -> str:
        """Give it as JSON; times in ISO 8601."""
        return json.dumps({name: _plain(value) for name, value in asdict(self).items()}, ensure_ascii=False)

    @classmethod
    def loaded(cls, text: str) -> Alert:
        """Read what `dumped` gave, also by an older version."""
        known: dict[str, Any] = json.loads(text)
        times = {name: datetime.fromisoformat(known[name]) for name in ("since", "ended") if known.get(name)}
        lists = {name: tuple(known.get(name, ())) for name in ("changed", "among")}
        kinds = {"state": State(known["state"]), "severity": Severity(known["severity"])}
        return cls(**{**known, **times, **lists, **kinds})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
