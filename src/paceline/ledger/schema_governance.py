"""Tables of governance beside incidents: what is to be sent, what happened outside, exceptions, who may do what.

Times are microseconds since 1970. What a person did is in `audit` as well as in the row it changed.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text

from paceline.ledger.schema_rows import metadata

__all__ = ["audit", "event", "exclusion", "lease", "lint", "look", "outbox", "review", "token", "waiver"]


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _counted() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


outbox: Final = Table(
    "outbox",
    metadata,
    _counted(),
    _number("at_us"),
    _text("incident"),
    _text("event"),
    _text("team"),
    _text("channel"),
    _text("alert"),
    _number("due_us"),
    Column("tries", Integer, nullable=False),
    Column("sent_us", BigInteger),
    Column("failed_us", BigInteger),
    _text("error"),
    Index("outbox_open", "sent_us", "failed_us", "due_us"),
    Index("outbox_incident", "incident", "id"),
)
"""Messages to one channel each, written with what they tell of. `event`: opened, worsened, reminder, overdue, resolved,
test; `channel` names the channel without its secret; `alert` is JSON. One is done when it was sent, or has failed."""

event: Final = Table(
    "event",
    metadata,
    _counted(),
    _number("at_us"),
    _text("kind"),
    _text("service"),
    _text("provider"),
    _text("text"),
    _text("link"),
    _text("actor"),
    Column("same", Text, nullable=False, unique=True),
    Index("event_at", "at_us"),
)
"""What happened that may explain figures. `kind`: deploy, plan, outage, alert, owner, other. `service` and `provider`
are empty where all are meant. `same` tells a repeated message from a new one."""

waiver: Final = Table(
    "waiver",
    metadata,
    Column("id", Text, primary_key=True),
    *(_text(name) for name in ("service", "use_case", "metric", "percentile", "rule", "model")),
    *(_text(name) for name in ("reason", "requester", "approver", "state")),
    _number("days"),
    _number("requested_us"),
    Column("decided_us", BigInteger),
    Column("starts_us", BigInteger),
    Column("ends_us", BigInteger),
    Index("waiver_state", "state"),
)
"""Exceptions asked for by command or API; those of the standards file are not here. An empty part of the scope covers
all. `state`: pending, approved, denied, revoked; that one is over follows from `ends_us`."""

exclusion: Final = Table(
    "exclusion",
    metadata,
    Column("id", Text, primary_key=True),
    *(_text(name) for name in ("service", "use_case", "reason", "actor", "rule", "timezone")),
    _number("starts_us"),
    _number("minutes"),
    _number("made_us"),
    Column("ended_us", BigInteger),
)
"""Times that are not judged: maintenance. `rule` is an RRULE of RFC 5545 in `timezone`, empty for once; each lasts
`minutes`."""

audit: Final = Table(
    "audit",
    metadata,
    _counted(),
    _number("at_us"),
    *(_text(name) for name in ("actor", "action", "subject", "text")),
    Index("audit_subject", "subject", "id"),
)
"""Who did what to what, only ever added to. `subject`: `waiver w_…`, `service helpdesk`, `token t_…`."""

look: Final = Table(
    "look",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("service", "use_case", "measure")),
    _number("at_us"),
    Column("ratio", Float, nullable=False),
    Column("log_error", Float, nullable=False),
    Column("is_gone", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""The last look at each service for a regression. `log_error` is -1 where there was too little to say."""

lint: Final = Table(
    "lint",
    metadata,
    Column("service", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    _number("at_us"),
    *(_text(name) for name in ("revision", "version", "actor")),
    *(_number(name) for name in ("files", "sites", "facts_decided", "facts_unknown")),
    *(_number(name) for name in ("errors", "warnings", "notes", "pragmas", "baseline")),
    _text("rules"),
    sqlite_with_rowid=False,
)
"""What the linter said last of a service's code on each UTC day (whole days since 1970): counts, never code. `rules` is
JSON: counts by code."""

review: Final = Table(
    "review",
    metadata,
    Column("id", Text, primary_key=True),
    _text("period"),
    _number("since_us"),
    _number("until_us"),
    _number("made_us"),
    _text("document"),
    Index("review_until", "period", "until_us"),
)
"""Reviews as they were written, JSON: the next one asks what became of the actions. `id`: `week-2026-11-16`."""

token: Final = Table(
    "token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sha256", Text, nullable=False, unique=True),
    *(_text(name) for name in ("role", "team", "name")),
    _number("made_us"),
    Column("revoked_us", BigInteger),
)
"""Tokens of people and programs for the API: only the SHA-256. `role`: viewer, owner (of `team`), admin."""

lease: Final = Table("lease", metadata, Column("name", Text, primary_key=True), _text("holder"), _number("until_us"))
"""Which control process does the periodic work, and until when unless it says so again."""
