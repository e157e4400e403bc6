"""Tables of incidents: the test of each limit, the incidents, and what happened in them.

Times are microseconds since 1970. An incident's timeline is only ever added to: it is the audit of its transitions too.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from paceline.ledger.schema_rows import metadata

__all__ = ["incident", "incident_event", "limit_test"]


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


_LIMIT = ("service", "use_case", "metric", "percentile")

limit_test: Final = Table(
    "limit_test",
    metadata,
    *(Column(name, Text, primary_key=True) for name in _LIMIT),
    _text("state"),
    sqlite_with_rowid=False,
)
"""The state of each limit's test, JSON. All have seen the same minutes: the setting `judged_until` says which."""

incident: Final = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    *(_text(name) for name in _LIMIT),
    _text("state"),
    _text("severity"),
    _text("owner"),
    _number("since_us"),
    _number("detected_us"),
    Column("ended_us", BigInteger),
    _text("reason"),
    _number("n"),
    _number("over_limit"),
    Column("allowed", Float, nullable=False),
    Column("kind", Text, nullable=False, server_default="breach"),
    *(Column(name, Text, nullable=False, server_default="") for name in ("provider", "parent", "waiver", "told")),
    Column("facts", Text, nullable=False, server_default="{}"),
    Column("good_since_us", BigInteger),
    Column("told_us", BigInteger),
    Index("incident_limit", *_LIMIT),
    Index("incident_ended", "ended_us"),
)
"""Something wrong with an owner. `n` and `over_limit` count since it began; `reason` is empty until it is known.

`kind` tells a breach from a regression and from other signals; `facts` is JSON, what is known of how bad it is and what
changed. `parent` and `waiver` are ids. `told` and `told_us` say what its owner heard last; `good_since_us` since when a
signal is off."""

incident_event: Final = Table(
    "incident_event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("incident"),
    _number("at_us"),
    _text("actor"),
    _text("kind"),
    _text("text"),
    Index("incident_event_incident", "incident", "id"),
)
"""The timeline: detected, state, severity, owner, note, fact. `actor` is a person, or `paceline`."""
