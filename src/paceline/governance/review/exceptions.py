"""Waivers as reviews see them: of the ledger and of the standards file alike, those that ended or soon will."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from paceline.governance.review.document import Waiver
from paceline.governance.review.period import Span
from paceline.governance.waivers import Source, WaiverState, all_waivers, in_force
from paceline.governance.waivers import Waiver as Kept
from paceline.governance.waivers.waiver import InForce
from paceline.ledger import Ledger
from paceline.standards import Standards

__all__ = ["SOON_DAYS", "ending_soon", "last_day", "waived_in", "waivers_of"]

SOON_DAYS: Final = 14
"""Days after the period within which the end of a waiver is told: time to ask for another."""
_GRANTED: Final = (WaiverState.APPROVED, WaiverState.EXPIRED)


def waivers_of(ledger: Ledger, standards: Standards, span: Span) -> tuple[Waiver, ...]:
    """Return every waiver that was approved and has an end, the one that ends first at the head.

    Raises `LedgerError`.
    """
    found = []
    for one in all_waivers(ledger, standards, span.until):
        begins = one.starts.timestamp() if one.starts is not None else 0.0
        if one.state in _GRANTED and one.ends is not None and begins < span.until:
            found.append(_told(one, last_day(one), span))
    return tuple(sorted(found, key=lambda one: (one.last_day, one.service, one.use_case, one.what, one.id)))


def waived_in(ledger: Ledger, standards: Standards, span: Span) -> InForce:
    """Return the waivers in force on the period's last day. Raises `LedgerError`."""
    return in_force(ledger, standards, span.until - 1)


def ending_soon(waivers: tuple[Waiver, ...], span: Span) -> tuple[Waiver, ...]:
    """Pick those that ended in the period or end within two weeks after it."""
    earliest = (span.first - span.after).days
    return tuple(one for one in waivers if earliest <= one.days_left <= SOON_DAYS)


def last_day(one: Kept) -> date:
    """Return the last day on which it holds; one without an end holds for ever."""
    return date.max if one.ends is None else (one.ends - timedelta(microseconds=1)).date()


def _told(one: Kept, last: date, span: Span) -> Waiver:
    return Waiver(
        id="" if one.source is Source.FILE else one.id,
        service=one.service,
        use_case=one.use_case,
        what=one.scope.rpartition(": ")[2],
        reason=one.reason,
        requester=one.requester,
        approver=one.approver,
        last_day=last.isoformat(),
        days_left=(last - span.last).days,
    )
