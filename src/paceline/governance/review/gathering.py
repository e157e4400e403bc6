"""Gathers a review from the ledger and the standards. Owns the order of the parts and what the last review said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from paceline.governance.review.actions import Found, actions_for, outcomes
from paceline.governance.review.attainment import attained, by_class, left
from paceline.governance.review.document import Action, Review
from paceline.governance.review.exceptions import ending_soon, waivers_of
from paceline.governance.review.money import movers, spent
from paceline.governance.review.period import Period, Span, span_ending
from paceline.governance.review.summary import summed_up
from paceline.governance.review.troubles import incidents_in
from paceline.governance.review.trust import covered, overhead_of
from paceline.ledger import Ledger
from paceline.ledger.reviews import Kept
from paceline.standards import Standards

__all__ = ["gather", "write_review"]

_FIELDS: Final = ("id", "kind", "owner", "service", "use_case", "text", "condition", "about")


def gather(ledger: Ledger, standards: Standards, span: Span) -> Review:
    """Return the review of a week or month: the same one from the same ledger and standards. Raises `LedgerError`."""
    report = ledger.measure(span.since, span.until)
    found = Found(
        services=attained(ledger, standards, span, report),
        incidents=incidents_in(ledger, span),
        spend=spent(ledger, standards, span),
        coverage=covered(ledger, standards, span),
        waivers=waivers_of(ledger, standards, span),
    )
    last = _last_actions(ledger, span)
    became = None if last is None else outcomes(last, found)
    actions = actions_for(found, (span.after - span.first).days)
    return Review(
        id=span.id,
        period=span.period.value,
        words=span.words,
        since=span.since,
        until=span.until,
        organisation=standards.options.organisation,
        summary=summed_up(span, found, became, actions),
        services=found.services,
        classes=by_class(found.services),
        incidents=found.incidents,
        spend=found.spend,
        movers=movers(ledger, standards, span),
        budgets=left(ledger, standards, span),
        overhead=overhead_of(ledger, span, report),
        coverage=found.coverage,
        unidentified=report.unidentified,
        waivers=ending_soon(found.waivers, span),
        outcomes=became or (),
        actions=actions,
        has_last=became is not None,
    )


def write_review(  # noqa: PLR0913  # each by name: what is written
    ledger: Ledger, standards: Standards, period: Period, ending: date | None, now: float, *, save: bool = True
) -> Review:
    """Gather the newest review whose last day is `ending` or before it, and keep it for the next one to look back at.

    `ending` is at most yesterday by `now` (Unix seconds), which None means. Raises `LedgerError`.
    """
    yesterday = datetime.fromtimestamp(now, UTC).date() - timedelta(days=1)
    span = span_ending(period, yesterday if ending is None else min(ending, yesterday))
    review = gather(ledger, standards, span)
    if save:
        since_us, until_us = int(span.since * 1e6), int(span.until * 1e6)
        kept = Kept(span.id, period.value, since_us, until_us, int(now * 1e6), review.document())
        ledger.reviews.save(kept)
    return review


def _last_actions(ledger: Ledger, span: Span) -> Sequence[Action] | None:
    last = ledger.reviews.get(span.before.id)
    if last is None:
        return None
    return [Action(**{name: str(one.get(name, "")) for name in _FIELDS}) for one in last.document.get("actions", ())]
