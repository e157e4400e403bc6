"""Incidents of every kind, messages, waivers, exclusions, events, audit, looks, reviews, tokens, the lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger)


def _counted() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Make the tables."""
    _incidents()
    _messages()
    _exceptions()
    _people()


def _incidents() -> None:
    for name, default in (("kind", "breach"), *((name, "") for name in ("provider", "parent", "waiver", "told"))):
        op.add_column("incident", sa.Column(name, sa.Text, nullable=False, server_default=default))
    op.add_column("incident", sa.Column("facts", sa.Text, nullable=False, server_default="{}"))
    for name in ("good_since_us", "told_us"):
        op.add_column("incident", _time(name))
    op.create_table(
        "look",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("service", "use_case", "measure")),
        _number("at_us"),
        sa.Column("ratio", sa.Float, nullable=False),
        sa.Column("log_error", sa.Float, nullable=False),
        sa.Column("is_gone", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )


def _messages() -> None:
    op.create_table(
        "outbox",
        _counted(),
        _number("at_us"),
        *(_text(name) for name in ("incident", "event", "team", "channel", "alert")),
        _number("due_us"),
        sa.Column("tries", sa.Integer, nullable=False),
        _time("sent_us"),
        _time("failed_us"),
        _text("error"),
    )
    op.create_index("outbox_open", "outbox", ["sent_us", "failed_us", "due_us"])
    op.create_index("outbox_incident", "outbox", ["incident", "id"])
    op.create_table(
        "event",
        _counted(),
        _number("at_us"),
        *(_text(name) for name in ("kind", "service", "provider", "text", "link", "actor")),
        sa.Column("same", sa.Text, nullable=False, unique=True),
    )
    op.create_index("event_at", "event", ["at_us"])


def _exceptions() -> None:
    scope = ("service", "use_case", "metric", "percentile", "rule", "model")
    op.create_table(
        "waiver",
        sa.Column("id", sa.Text, primary_key=True),
        *(_text(name) for name in (*scope, "reason", "requester", "approver", "state")),
        *(_number(name) for name in ("days", "requested_us")),
        *(_time(name) for name in ("decided_us", "starts_us", "ends_us")),
    )
    op.create_index("waiver_state", "waiver", ["state"])
    op.create_table(
        "exclusion",
        sa.Column("id", sa.Text, primary_key=True),
        *(_text(name) for name in ("service", "use_case", "reason", "actor", "rule", "timezone")),
        *(_number(name) for name in ("starts_us", "minutes", "made_us")),
        _time("ended_us"),
    )


def _people() -> None:
    op.create_table(
        "audit", _counted(), _number("at_us"), *(_text(name) for name in ("actor", "action", "subject", "text"))
    )
    op.create_index("audit_subject", "audit", ["subject", "id"])
    op.create_table(
        "review",
        sa.Column("id", sa.Text, primary_key=True),
        _text("period"),
        *(_number(name) for name in ("since_us", "until_us", "made_us")),
        _text("document"),
    )
    op.create_index("review_until", "review", ["period", "until_us"])
    op.create_table(
        "token",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False, unique=True),
        *(_text(name) for name in ("role", "team", "name")),
        _number("made_us"),
        _time("revoked_us"),
    )
    op.create_table("lease", sa.Column("name", sa.Text, primary_key=True), _text("holder"), _number("until_us"))
