"""Reviews that are sent by themselves: written on the morning after their period, to the people of some teams.

What was sent stands in the outbox: a review goes out once, and survives a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from paceline.governance.alerts.alert import Alert, Severity, State
from paceline.governance.alerts.channels import channels
from paceline.governance.review.brief import brief
from paceline.governance.review.document import Review
from paceline.governance.review.gathering import write_review
from paceline.governance.review.period import Period, span_ending
from paceline.ledger import Ledger
from paceline.ledger.outbox import Draft
from paceline.standards import Standards

__all__ = ["put_review", "send_due_review"]

_MORNING: Final = timedelta(hours=6)


def send_due_review(ledger: Ledger, standards: Standards, now: float) -> int:
    """Write the review that is due, if one is, and the messages of it; return how many. Raises `LedgerError`."""
    wanted = standards.options.alerting.review
    if wanted is None:
        return 0
    morning = datetime.fromtimestamp(now, UTC) - _MORNING
    period = Period(wanted.every)
    span = span_ending(period, morning.date() - timedelta(days=1))
    if ledger.outbox.of(_subject(span.id)):
        return 0
    review = write_review(ledger, standards, period, span.last, now)
    return put_review(ledger, standards, review, wanted.to, now)


def put_review(ledger: Ledger, standards: Standards, review: Review, teams: Sequence[str], now: float) -> int:
    """Write messages of a review to the channels for people of some teams; return how many. Raises `LedgerError`."""
    title, text = brief(review)
    link = standards.options.alerting.link
    alert = Alert(
        incident=_subject(review.id),
        state=State.FIRING,
        severity=Severity.TICKET,
        service=title,
        use_case="",
        owner="",
        contact="",
        what="",
        since=datetime.fromtimestamp(now, UTC),
        event="review",
        among=tuple(line for line in text.split("\n") if line),
        link=f"{link}/reviews/{review.id}" if link else "",
    )
    drafts = [
        Draft(channel.team, channel.name, "review", alert.dumped(), int(now * 1e6))
        for team in teams
        for channel in channels(standards, team)
        if channel.is_for_people
    ]
    ledger.outbox.put(alert.incident, int(now * 1e6), drafts)
    return len(drafts)


def _subject(review: str) -> str:
    return f"review {review}"
