"""Periods of reviews: whole weeks from Monday 00:00 UTC, and whole calendar months. Owns no clock."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from paceline.governance.signals.words import on

__all__ = ["Period", "Span", "span_ending"]


class Period(enum.StrEnum):
    """How long a review looks back."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """One week or month: from the first day up to and without the day `after`."""

    period: Period
    first: date
    after: date

    @property
    def id(self) -> str:
        """What the review is kept under: `week-2026-11-16`."""
        return f"{self.period.value}-{self.first.isoformat()}"

    @property
    def since(self) -> float:
        """Unix seconds at which it begins."""
        return _midnight(self.first)

    @property
    def until(self) -> float:
        """Unix seconds at which it is over."""
        return _midnight(self.after)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.after - timedelta(days=1)

    @property
    def before(self) -> Span:
        """The week or month before."""
        return span_ending(self.period, self.first - timedelta(days=1))

    @property
    def words(self) -> str:
        """`16 to 22 November 2026`, `November 2026`, `28 December 2026 to 3 January 2027`."""
        if self.period is Period.MONTH:
            return f"{self.first:%B %Y}"
        first, last = self.first, self.last
        if first.year != last.year:
            return f"{on(first)} {first.year} to {on(last)} {last.year}"
        return f"{first.day if first.month == last.month else on(first)} to {on(last)} {last.year}"


def span_ending(period: Period, last: date) -> Span:
    """Return the newest week or month whose last day is `last` or before it."""
    if period is Period.WEEK:
        after = last - timedelta(days=(last.weekday() + 1) % 7) + timedelta(days=1)
        return Span(period, after - timedelta(days=7), after)
    after = last + timedelta(days=1)
    after = after.replace(day=1)
    return Span(period, (after - timedelta(days=1)).replace(day=1), after)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
