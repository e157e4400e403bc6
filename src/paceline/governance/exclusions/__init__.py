"""Exclusions: times that are not judged, such as known maintenance. What happens in them is recorded and shown.

They stand in the standards file, or are made by command or API and kept in the ledger. Model: Nobl9's budget
adjustments.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from paceline.governance.alerts.errors import GovernanceError
from paceline.ledger import Ledger
from paceline.ledger.exclusions import ExclusionRow
from paceline.standards import Standards
from paceline.standards.recurrence import Recurrence, RuleError

__all__ = ["Excluded", "Exclusion", "ExclusionError", "add", "all_exclusions", "excluded"]


class ExclusionError(GovernanceError):
    """An exclusion cannot be made so."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A time that is not judged, once or recurring. An empty service or use case means all."""

    id: str
    """`x_…`, or `file:0` by its place in the standards."""
    service: str
    use_case: str
    reason: str
    actor: str
    starts: datetime
    minutes: int
    rule: str
    """An RRULE, empty for once."""
    timezone: str
    ended: datetime | None = None

    def spans(self, since: datetime, until: datetime) -> list[tuple[int, int]]:
        """Return first minute and end, whole minutes since 1970, of those that touch a span of time."""
        length = timedelta(minutes=self.minutes)
        begins = Recurrence(self.starts, self.rule, self.timezone).between(since - length, until)
        if self.ended is not None:
            begins = [at for at in begins if at < self.ended]
        last = None if self.ended is None else int(self.ended.timestamp()) // 60
        firsts = [int(at.timestamp()) // 60 for at in begins]
        return [(at, at + self.minutes if last is None else min(last, at + self.minutes)) for at in firsts]


class Excluded:
    """What is not judged within a span of time."""

    def __init__(self, exclusions: list[Exclusion], since: datetime, until: datetime) -> None:
        self._exclusions, self._since, self._until = exclusions, since, until

    @cached_property
    def _minutes(self) -> dict[tuple[str, str], set[int]]:
        found: dict[tuple[str, str], set[int]] = {}
        for one in self._exclusions:
            minutes = found.setdefault((one.service, one.use_case), set())
            for first, end in one.spans(self._since, self._until):
                minutes.update(range(first, end))
        return found

    def covers(self, service: str, use_case: str, minute: int) -> bool:
        """Tell whether a minute (whole ones since 1970) of a service's use case is not judged."""
        keys = ((service, use_case), (service, ""), ("", use_case), ("", ""))
        return any(minute in self._minutes[key] for key in keys if key in self._minutes)


def all_exclusions(ledger: Ledger, standards: Standards) -> list[Exclusion]:
    """Return those of the file and of the ledger. Raises `LedgerError`."""
    written = [
        Exclusion(
            *(f"file:{place}", each.service or "", each.use_case or "", each.reason, "standards"),
            *(each.starts, each.minutes, each.rule or "", each.timezone),
        )
        for place, each in enumerate(standards.options.exclusions)
    ]
    return [*written, *map(_of_row, ledger.exclusions.list())]


def excluded(ledger: Ledger, standards: Standards, since: float, until: float) -> Excluded:
    """Return what is not judged between two moments, Unix seconds. Raises `LedgerError`."""
    moments = (datetime.fromtimestamp(at, UTC) for at in (since, until))
    return Excluded(all_exclusions(ledger, standards), *moments)


def add(ledger: Ledger, standards: Standards, wanted: Exclusion) -> str:
    """Write one to the ledger and return its id. Raises `ExclusionError`, `LedgerError`."""
    if wanted.service and wanted.service not in standards.options.services:
        raise ExclusionError(f"there is no service {wanted.service!r}")
    if wanted.use_case and wanted.use_case not in standards.options.use_cases:
        raise ExclusionError(f"there is no use case {wanted.use_case!r}")
    if not wanted.reason.strip():
        raise ExclusionError("there is no reason")
    if not 1 <= wanted.minutes <= 10_080:
        raise ExclusionError(f"{wanted.minutes} minutes are not allowed: 1 to 10080, a week")
    try:
        Recurrence(wanted.starts, wanted.rule, wanted.timezone).check()
    except RuleError as error:
        raise ExclusionError(f"{wanted.rule!r} {error}") from error
    return ledger.exclusions.add(
        ExclusionRow(
            *("", wanted.service, wanted.use_case, wanted.reason.strip(), wanted.actor, wanted.rule, wanted.timezone),
            *(int(wanted.starts.timestamp() * 1e6), wanted.minutes, time.time_ns() // 1000, None),
        )
    )


def _of_row(row: ExclusionRow) -> Exclusion:
    starts = datetime.fromtimestamp(row.starts_us / 1e6, UTC)
    ended = None if row.ended_us is None else datetime.fromtimestamp(row.ended_us / 1e6, UTC)
    names = (row.id, row.service, row.use_case, row.reason, row.actor)
    return Exclusion(*names, starts, row.minutes, row.rule, row.timezone, ended)
