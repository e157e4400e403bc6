"""What the API's answers look like: one model a thing, times in Unix seconds, pages with a cursor.

Owns the shapes; the OpenAPI document is generated from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from paceline.governance.waivers import Waiver
from paceline.ledger.audit import AuditEntry
from paceline.ledger.events import Event
from paceline.ledger.incidents import Incident, IncidentEvent
from paceline.ledger.lint import LintState
from paceline.ledger.outbox import Message
from paceline.ledger.tokens import Token

T = TypeVar("T")
R = TypeVar("R")

LIMIT_MAX = 500


class Page(BaseModel, Generic[T]):
    """Some of a list, in its order. `next` goes into `after` for the following ones; none at the end."""

    items: list[T]
    next: str | None = None


class IncidentDocument(BaseModel):
    """An incident."""

    id: str
    kind: str
    service: str
    use_case: str
    metric: str
    percentile: str
    state: str
    severity: str
    owner: str
    since: float
    detected: float
    ended: float | None
    reason: str
    requests: int
    over_limit: int
    allowed: float
    provider: str
    parent: str
    waiver: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, one: Incident) -> IncidentDocument:
        """Show an incident."""
        return cls(
            id=one.id,
            kind=one.kind,
            **one.limit._asdict(),
            state=one.state,
            severity=one.severity,
            owner=one.owner,
            since=one.since_us / 1e6,
            detected=one.detected_us / 1e6,
            ended=_seconds(one.ended_us),
            reason=one.reason,
            requests=one.n,
            over_limit=one.over,
            allowed=one.allowed,
            provider=one.provider,
            parent=one.parent,
            waiver=one.waiver,
            facts=json.loads(one.facts),
        )


class EntryDocument(BaseModel):
    """One entry of a timeline."""

    at: float
    actor: str
    kind: str
    text: str

    @classmethod
    def of(cls, one: IncidentEvent) -> EntryDocument:
        """Show an entry."""
        return cls(at=one.at_us / 1e6, actor=one.actor, kind=one.kind, text=one.text)


class WholeIncident(IncidentDocument):
    """An incident with its timeline, oldest first."""

    timeline: list[EntryDocument]


class WaiverDocument(BaseModel):
    """A waiver of the standards file or the ledger."""

    id: str
    source: str
    scope: str
    service: str
    use_case: str
    metric: str
    percentile: str
    rule: str
    model: str
    reason: str
    requester: str
    approver: str
    state: str
    starts: float | None
    ends: float | None

    @classmethod
    def of(cls, one: Waiver) -> WaiverDocument:
        """Show a waiver."""
        said = {name: getattr(one, name) for name in cls.model_fields}
        times = {name: None if said[name] is None else said[name].timestamp() for name in ("starts", "ends")}
        return cls.model_validate({**said, **times, "state": one.state.value, "source": one.source.value})


class EventDocument(BaseModel):
    """Something that happened."""

    at: float
    kind: str
    service: str
    provider: str
    text: str
    link: str
    actor: str

    @classmethod
    def of(cls, one: Event) -> EventDocument:
        """Show an event."""
        return cls.model_validate({**one._asdict(), "at": one.at_us / 1e6})


class MessageDocument(BaseModel):
    """A message to a channel. It waits when it was neither sent nor has failed."""

    id: int
    at: float
    incident: str
    event: str
    team: str
    channel: str
    due: float
    tries: int
    sent: float | None
    failed: float | None
    error: str

    @classmethod
    def of(cls, one: Message) -> MessageDocument:
        """Show a message."""
        times = {name: _seconds(getattr(one, f"{name}_us")) for name in ("at", "due", "sent", "failed")}
        return cls.model_validate({**one._asdict(), **times})


class AuditDocument(BaseModel):
    """Who did what to what."""

    id: int
    at: float
    actor: str
    action: str
    subject: str
    text: str

    @classmethod
    def of(cls, one: AuditEntry) -> AuditDocument:
        """Show an entry of the audit."""
        return cls.model_validate({**one._asdict(), "at": one.at_us / 1e6})


class RuleDocument(BaseModel):
    """Findings of one rule: those that count, those held by pragmas, those the baseline allows."""

    code: str
    live: int
    pragma: int
    baseline: int


class LintDocument(BaseModel):
    """What the linter said of a service's code: counts, never code."""

    service: str
    at: float
    revision: str
    version: str
    actor: str
    files: int
    sites: int
    facts_decided: int
    facts_unknown: int
    errors: int
    warnings: int
    notes: int
    pragmas: int
    baseline: int
    rules: list[RuleDocument]

    @classmethod
    def of(cls, one: LintState) -> LintDocument:
        """Show a state."""
        rules = [{"code": code, **counts._asdict()} for code, counts in sorted(one.rules.items())]
        return cls.model_validate({**one._asdict(), "at": one.at_us / 1e6, "rules": rules})


class TokenDocument(BaseModel):
    """A token without its text."""

    id: str
    role: str
    team: str
    name: str
    made: float
    revoked: float | None

    @classmethod
    def of(cls, one: Token) -> TokenDocument:
        """Show a token."""
        times = {"made": one.made_us / 1e6, "revoked": _seconds(one.revoked_us)}
        return cls.model_validate({**one._asdict(), **times})


class NewTokenDocument(TokenDocument):
    """A token with its text, which is not seen again."""

    token: str


class ServiceDocument(BaseModel):
    """A service of the standards."""

    name: str
    owner: str
    mode: str
    use_cases: list[str]
    open_incidents: int
    waivers: int


def page(found: Sequence[R], limit: int, show: Callable[[R], T], mark: Callable[[R], str]) -> Page[T]:
    """Cut a page from what was read, one more than `limit` if there are more; `mark` makes the cursor."""
    more = len(found) > limit
    return Page(items=[show(one) for one in found[:limit]], next=mark(found[limit - 1]) if more else None)


def _seconds(at_us: int | None) -> float | None:
    return None if at_us is None else at_us / 1e6
