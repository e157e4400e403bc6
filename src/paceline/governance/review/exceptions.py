"""Waivers as reviews see them: of the ledger and of the standards file alike, those that ended or soon will."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import select

from paceline.governance.review.document import Waiver
from paceline.governance.review.period import Span
from paceline.ledger import Ledger
from paceline.ledger.engine import reading
from paceline.ledger.errors import translated
from paceline.ledger.schema import waiver as table
from paceline.standards import Standards

__all__ = ["SOON_DAYS", "ending_soon", "waivers_of"]

SOON_DAYS: Final = 14
"""Days after the period within which the end of a waiver is told: time to ask for another."""


def waivers_of(ledger: Ledger, standards: Standards, span: Span) -> tuple[Waiver, ...]:
    """Return every waiver that was approved and has an end, the one that ends first at the head.

    Raises `LedgerError`.
    """
    query = select(table).where(table.c.state == "approved", table.c.ends_us.is_not(None))
    with translated("read waivers"), reading(ledger.engine) as connection:
        kept = [_kept(row, span) for row in connection.execute(query)]
    found = [*kept, *_written(standards, span)]
    return tuple(sorted(found, key=lambda one: (one.last_day, one.service, one.use_case, one.what, one.id)))


def ending_soon(waivers: tuple[Waiver, ...], span: Span) -> tuple[Waiver, ...]:
    """Pick those that ended in the period or end within two weeks after it."""
    earliest = (span.first - span.after).days
    return tuple(one for one in waivers if earliest <= one.days_left <= SOON_DAYS)


def _kept(row: object, span: Span) -> Waiver:
    get = row._mapping  # type: ignore[attr-defined]
    # It ends at a moment; a waiver that ends at midnight held until the day before.
    last = (datetime.fromtimestamp(get["ends_us"] / 1e6, UTC) - timedelta(microseconds=1)).date()
    limit = f"{get['metric'].removesuffix('_ms').replace('_', ' ')} {get['percentile']}".strip()
    what = _what(limit, get["rule"], get["model"])
    who = (get["reason"], get["requester"], get["approver"])
    return _waiver(get["id"], (get["service"], get["use_case"]), what, who, last, span)


def _written(standards: Standards, span: Span) -> Iterator[Waiver]:
    for one in standards.options.waivers:
        what = _what("", one.rule or "", one.model or "")
        who = (one.reason, one.requester, one.approver)
        yield _waiver("", (one.service, one.use_case or ""), what, who, one.until, span)


def _waiver(  # noqa: PLR0913, PLR0917  # the parts of one
    number: str, scope: tuple[str, str], what: str, who: tuple[str, str, str], last: date, span: Span
) -> Waiver:
    return Waiver(number, *scope, what, *who, last.isoformat(), (last - span.last).days)


def _what(limit: str, rule: str, model: str) -> str:
    parts = [limit, f"rule {rule}" if rule else "", f"model {model}" if model else ""]
    return ", ".join(part for part in parts if part) or "every limit"
