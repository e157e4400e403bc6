"""A waiver, wherever it stands, and those in force at a time. Owns what a scope covers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from paceline.ledger import Ledger
from paceline.ledger.waivers import WaiverRow
from paceline.standards import Standards
from paceline.standards.classes import read_limit
from paceline.standards.ownership import WaiverOptions

__all__ = ["InForce", "Source", "Waiver", "WaiverState", "all_waivers", "in_force"]


class WaiverState(enum.StrEnum):
    """Where a waiver stands; that one has expired follows from its end."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Source(enum.StrEnum):
    """Where it stands."""

    FILE = "file"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception. An empty part of the scope covers all; one for a rule or a model covers no limit."""

    id: str
    """`w_…`, or `file:0` by its place in the standards."""
    source: Source
    service: str
    use_case: str
    metric: str
    """By the ledger's name, `ttft_ms`."""
    percentile: str
    rule: str
    model: str
    reason: str
    requester: str
    approver: str
    state: WaiverState
    starts: datetime | None
    ends: datetime | None
    """The first moment at which it no longer holds."""

    def covers(self, service: str, use_case: str, metric: str = "", percentile: str = "") -> bool:
        """Tell whether a breach of this limit is accepted."""
        if self.rule or self.model or self.service != service or self.use_case not in ("", use_case):
            return False
        return not self.metric or (self.metric, self.percentile) == (metric, percentile)

    @property
    def scope(self) -> str:
        """In words: `helpdesk / support-chat: ttft p95`."""
        where = f"{self.service} / {self.use_case}" if self.use_case else self.service
        limit = f"{self.metric.removesuffix('_ms')} {self.percentile}" if self.metric else ""
        what = limit or (f"rule {self.rule}" if self.rule else f"model {self.model}" if self.model else "every limit")
        return f"{where}: {what}"

    def days_left(self, now: datetime) -> int | None:
        """Return whole days until it ends, 0 on its last; none where it has no end yet."""
        return None if self.ends is None else max(0, (self.ends - now) // timedelta(days=1))


@dataclass(frozen=True, slots=True)
class InForce:
    """The waivers in force at one moment."""

    all: tuple[Waiver, ...]

    def covering(self, service: str, use_case: str, metric: str = "", percentile: str = "") -> Waiver | None:
        """Return the one that accepts a breach of a limit, the longest where there are several."""
        found = [each for each in self.all if each.covers(service, use_case, metric, percentile)]
        return max(found, key=lambda each: (each.ends or _NEVER, each.id), default=None)


_NEVER = datetime.max.replace(tzinfo=UTC)


def in_force(ledger: Ledger, standards: Standards, now: float) -> InForce:
    """Return the waivers in force at a time, Unix seconds. Raises `LedgerError`."""
    moment = datetime.fromtimestamp(now, UTC)
    return InForce(
        tuple(
            each
            for each in all_waivers(ledger, standards, now)
            if each.state is WaiverState.APPROVED and (each.starts is None or each.starts <= moment)
        )
    )


def all_waivers(ledger: Ledger, standards: Standards, now: float) -> list[Waiver]:
    """Return every waiver of the file and the ledger, with its state at a time. Raises `LedgerError`."""
    moment = datetime.fromtimestamp(now, UTC)
    written = [_of_file(place, each, moment) for place, each in enumerate(standards.options.waivers)]
    return [*written, *(of_row(row, moment) for row in ledger.waivers.list())]


def of_row(row: WaiverRow, moment: datetime) -> Waiver:
    """Read a row of the ledger."""
    ends = _moment(row.ends_us)
    is_over = row.state == WaiverState.APPROVED and ends is not None and ends <= moment
    state = WaiverState.EXPIRED if is_over else WaiverState(row.state)
    scope = (row.service, row.use_case, row.metric, row.percentile, row.rule, row.model)
    people = (row.reason, row.requester, row.approver)
    return Waiver(row.id, Source.LEDGER, *scope, *people, state, _moment(row.starts_us), ends)


def _of_file(place: int, written: WaiverOptions, moment: datetime) -> Waiver:
    metric, percentile = read_limit(written.limit or "") or ("", "")
    ends = _midnight(written.until) + timedelta(days=1)
    return Waiver(
        f"file:{place}",
        Source.FILE,
        written.service,
        written.use_case or "",
        metric,
        percentile,
        written.rule or "",
        written.model or "",
        written.reason,
        written.requester,
        written.approver,
        WaiverState.EXPIRED if ends <= moment else WaiverState.APPROVED,
        _midnight(written.granted) if written.granted else None,
        ends,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _moment(at_us: int | None) -> datetime | None:
    return None if at_us is None else datetime.fromtimestamp(at_us / 1e6, UTC)
