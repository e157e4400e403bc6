"""Incidents as the ledger keeps them: how far limits were judged, incidents, their timelines.

Knows no statistics and no state's meaning; every change of an incident adds to its timeline in the same transaction.
The write lock makes a judgement and what follows from it one step, so that two control processes open one incident.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, delete, func, insert, or_, select, update

from paceline.ledger import settings
from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.outbox import Draft, enqueue
from paceline.ledger.schema_incidents import incident, incident_event, limit_test

__all__ = ["BREACH", "Incident", "IncidentEvent", "Incidents", "LimitKey", "WatchWriter", "Watched"]

_BASE62: Final = string.digits + string.ascii_letters
BREACH: Final = "breach"
OURS: Final = "paceline"
"""The actor of what no person did."""
_JUDGED_UNTIL: Final = "judged_until"


class LimitKey(NamedTuple):
    """A published limit of one service's use case."""

    service: str
    use_case: str
    metric: str
    percentile: str


class Watched(NamedTuple):
    """Up to which minute (whole ones since 1970) all limits were judged, and the states of their tests, JSON."""

    until_minute: int
    tests: Mapping[LimitKey, str]


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One entry of a timeline. `kind`: detected, state, severity, owner, note, fact."""

    at_us: int
    actor: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident. Times are microseconds since 1970; `n` and `over` count requests since it began.

    Of kinds other than a breach, `limit.metric` is what was measured and `limit.percentile` is empty.
    """

    id: str
    limit: LimitKey
    state: str
    severity: str
    owner: str
    since_us: int
    detected_us: int
    ended_us: int | None
    reason: str
    n: int
    over: int
    allowed: float
    kind: str = "breach"
    """`breach`, `regression`, `provider`, or the name of a signal."""
    provider: str = ""
    """The one most of its slow requests went to, where that is known."""
    parent: str = ""
    """The incident that explains this one."""
    waiver: str = ""
    """The waiver that accepts it."""
    told: str = ""
    """What its owner heard last: a severity, `overdue …` or `resolved`; empty for nothing."""
    facts: str = "{}"
    """What is known of it, JSON: see `paceline.governance.incidents.facts`."""
    good_since_us: int | None = None
    """Since when a signal is off; none while it is on, and for breaches."""
    told_us: int | None = None

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.ended_us is None


class Incidents:
    """The tables of incidents."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, state: str, *, service: str | None, kind: str | None, after: tuple[int, str] | None, limit: int
    ) -> Sequence[Incident]:
        """Return incidents, the latest detected first: `open`, `ended` or `all`, after a time and id.

        Raises `LedgerError`.
        """
        by_state: dict[str, ColumnElement[bool]] = {
            "open": incident.c.ended_us.is_(None),
            "ended": incident.c.ended_us.is_not(None),
        }
        wanted = [by_state[state]] if state in by_state else []
        wanted += [incident.c[name] == at for name, at in (("service", service), ("kind", kind)) if at is not None]
        if after is not None:
            at_us, number = after
            later = and_(incident.c.detected_us == at_us, incident.c.id > number)
            wanted.append(or_(incident.c.detected_us < at_us, later))
        query = select(incident).where(*wanted).order_by(incident.c.detected_us.desc(), incident.c.id).limit(limit)
        with translated("read incidents"), reading(self._engine) as connection:
            return [_incident(row) for row in connection.execute(query)]

    def list(self, *, ended_since_us: int | None = None, kind: str | None = None) -> list[Incident]:
        """Return the open incidents, and those ended since, newest first. Raises `LedgerError`."""
        shown: list[ColumnElement[bool]] = [incident.c.ended_us.is_(None)]
        if ended_since_us is not None:
            shown.append(incident.c.ended_us >= ended_since_us)
        query = select(incident).where(or_(*shown), *([incident.c.kind == kind] if kind else []))
        query = query.order_by(incident.c.detected_us.desc(), incident.c.id)
        with translated("read incidents"), reading(self._engine) as connection:
            return [_incident(row) for row in connection.execute(query)]

    def get(self, number: str) -> tuple[Incident, Sequence[IncidentEvent]] | None:
        """Return an incident and its timeline, oldest first. Raises `LedgerError`."""
        with translated("read an incident"), reading(self._engine) as connection:
            row = connection.execute(select(incident).where(incident.c.id == number)).one_or_none()
            if row is None:
                return None
            events = select(incident_event).where(incident_event.c.incident == number).order_by(incident_event.c.id)
            return _incident(row), [
                IncidentEvent(at_us, actor, kind, text) for _, _, at_us, actor, kind, text in connection.execute(events)
            ]

    def first_acts(self, since_us: int) -> dict[str, int]:
        """Return when a person first acted on each incident detected since; microseconds. Raises `LedgerError`."""
        first = select(incident_event.c.incident, func.min(incident_event.c.at_us))
        first = first.join_from(incident_event, incident, incident.c.id == incident_event.c.incident)
        first = first.where(incident.c.detected_us >= since_us, incident_event.c.actor != OURS)
        with translated("read timelines"), reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(first.group_by(incident_event.c.incident))}

    def watched(self) -> Watched:
        """Return how far limits were judged. Raises `LedgerError`."""
        with translated("read the tests of limits"), reading(self._engine) as connection:
            return _watched(connection)

    @contextmanager
    def changing(self) -> Iterator[WatchWriter]:
        """Yield what changes incidents, in one transaction under the write lock. Raises `LedgerError`."""
        with translated("write incidents"), writing(self._engine) as connection:
            yield WatchWriter(connection)


class WatchWriter:
    """Changes incidents within a transaction; see `Incidents.changing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def watched(self) -> Watched:
        """Return how far limits were judged, as this transaction sees it."""
        return _watched(self._connection)

    def judged(self, until_minute: int, tests: Mapping[LimitKey, str]) -> None:
        """Note that all limits are judged up to a minute, and the tests that changed by it."""
        self.save_tests(tests)
        settings.write(self._connection, _JUDGED_UNTIL, str(until_minute))

    def save_tests(self, tests: Mapping[LimitKey, str]) -> None:
        """Replace the states of these tests."""
        if tests:
            same = [limit_test.c[name] == bindparam(f"its_{name}") for name in LimitKey._fields]
            keys = [{f"its_{name}": value for name, value in limit._asdict().items()} for limit in tests]
            self._connection.execute(delete(limit_test).where(*same), keys)
            rows = [{**limit._asdict(), "state": state} for limit, state in tests.items()]
            self._connection.execute(insert(limit_test), rows)

    def latest(self, limit: LimitKey, kind: str = BREACH) -> Incident | None:
        """Return the open incident of a limit, or else the one that ended last."""
        same = [incident.c.kind == kind, *self._same(limit)]
        rows = self._connection.execute(select(incident).where(*same)).all()
        found = [_incident(row) for row in rows]
        return max(found, key=lambda one: (one.is_open, one.ended_us or 0), default=None)

    def latest_by_kind(self, kinds: Iterable[str], ended_since_us: int) -> dict[tuple[str, LimitKey], Incident]:
        """Return of everything of these kinds the open incident, or else the one that ended last, if it did so since.

        What a waiver accepted is returned whenever that was.
        """
        recent = or_(incident.c.ended_us.is_(None), incident.c.ended_us >= ended_since_us, incident.c.waiver != "")
        found: dict[tuple[str, LimitKey], Incident] = {}
        for row in self._connection.execute(select(incident).where(incident.c.kind.in_(sorted(set(kinds))), recent)):
            one = _incident(row)
            before = found.get((one.kind, one.limit))
            if before is None or (one.is_open, one.ended_us or 0) > (before.is_open, before.ended_us or 0):
                found[one.kind, one.limit] = one
        return found

    def has_note(self, number: str) -> bool:
        """Tell whether a person added a note to an incident."""
        notes = select(incident_event.c.id).where(incident_event.c.incident == number, incident_event.c.kind == "note")
        return self._connection.execute(notes.limit(1)).first() is not None

    def tell(self, number: str, told: str, at_us: int, drafts: Sequence[Draft]) -> None:
        """Write messages about an incident, and what its owner has heard with them."""
        self._connection.execute(update(incident).where(incident.c.id == number).values(told=told, told_us=at_us))
        enqueue(self._connection, number, at_us, drafts)

    @staticmethod
    def _same(limit: LimitKey) -> list[ColumnElement[bool]]:
        return [incident.c[name] == value for name, value in limit._asdict().items()]

    def open_ones(self) -> list[Incident]:
        """Return the open incidents."""
        return [
            _incident(row) for row in self._connection.execute(select(incident).where(incident.c.ended_us.is_(None)))
        ]

    def get(self, number: str) -> Incident | None:
        """Return an incident as this transaction sees it."""
        row = self._connection.execute(select(incident).where(incident.c.id == number)).one_or_none()
        return None if row is None else _incident(row)

    def open(self, values: Mapping[str, Any], limit: LimitKey, event: IncidentEvent) -> str:
        """Open an incident and return its id. `values` are the columns beside the limit's own."""
        number = "i_" + "".join(secrets.choice(_BASE62) for _ in range(8))
        row = {"ended_us": None, "reason": "", **values, **limit._asdict(), "id": number}
        self._connection.execute(insert(incident).values(row))
        self.note(number, event)
        return number

    def change(self, number: str, values: Mapping[str, Any], *events: IncidentEvent) -> None:
        """Change columns of an incident, and say so in its timeline."""
        self._connection.execute(update(incident).where(incident.c.id == number).values(dict(values)))
        for event in events:
            self.note(number, event)

    def note(self, number: str, event: IncidentEvent) -> None:
        """Add to a timeline."""
        row = {"incident": number, "at_us": event.at_us, "actor": event.actor, "kind": event.kind, "text": event.text}
        self._connection.execute(insert(incident_event).values(row))


def _watched(connection: Connection) -> Watched:
    until = settings.read(connection, _JUDGED_UNTIL)
    tests = {LimitKey(*row[:4]): row[4] for row in connection.execute(select(limit_test))}
    return Watched(int(until or "0"), tests)


def _incident(row: Any) -> Incident:
    return Incident(row.id, LimitKey(*row[1:5]), *row[5:])
