"""Recurrence rules of maintenance: RFC 5545's RRULE, read, bounded and unrolled.

Owns which rules are taken: hourly and rarer, and such that ever happen. Wall-clock times of a time zone stay as they
are over changes of the clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = ["Recurrence", "RuleError"]

_FORM = re.compile(r"(RRULE:)?FREQ=[A-Z]+(;[A-Z]+=[A-Z0-9,+\-]+)*")
_TOO_OFTEN = ("SECONDLY", "MINUTELY")
_FIVE_YEARS = timedelta(days=5 * 366)


class RuleError(ValueError):
    """A rule that cannot be taken: what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """When something begins: once at `starts`, or by a rule from then on."""

    starts: datetime
    """Aware."""
    rule: str = ""
    """An RRULE; empty for once."""
    timezone: str = "UTC"

    def check(self) -> None:
        """Refuse a rule that is none, happens too often, or never, and a time zone that is none. Raises `RuleError`."""
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, KeyError) as error:
            raise RuleError(f"wants the time zone {self.timezone!r}, which this machine does not know") from error
        if not self.rule:
            return
        if not _FORM.fullmatch(self.rule.upper()) or len(self.rule) > 500:
            raise RuleError("is not a rule such as FREQ=WEEKLY;BYDAY=SA")
        if any(f"FREQ={each}" in self.rule.upper() for each in _TOO_OFTEN):
            raise RuleError("happens more often than hourly; nothing would be judged")
        try:
            found = self.between(self.starts - timedelta(days=1), self.starts + _FIVE_YEARS, most=1)
        except (ValueError, TypeError, AttributeError) as error:
            raise RuleError(f"cannot be read: {error}") from error
        if not found:
            raise RuleError("never happens within five years")

    def between(self, since: datetime, until: datetime, *, most: int = 10_000) -> list[datetime]:
        """Return the begins within a span, oldest first, `most` at most, in UTC."""
        if not self.rule:
            return [self.starts.astimezone(UTC)] if since <= self.starts < until else []
        from dateutil.rrule import rrulestr

        found: list[datetime] = []
        first = self.starts.astimezone(ZoneInfo(self.timezone))
        for at in rrulestr(self.rule.upper().removeprefix("RRULE:"), dtstart=first):
            moment = at.astimezone(UTC)
            if moment >= until or len(found) >= most:
                break
            if moment >= since:
                found.append(moment)
        return found
