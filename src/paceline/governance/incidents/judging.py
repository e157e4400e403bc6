"""Judging one limit that is over its budget or has an open incident: what is read for it, and what follows.

Everything is read while nothing is locked; `judge` only compares and writes. The order of a look is `watch`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.closing import Closing, Verdict, continues, needs_note, rule_for, verdict
from paceline.governance.incidents.explaining import Explained, explain, likely_reason
from paceline.governance.incidents.facts import Facts
from paceline.governance.incidents.rules import Accepted, Rules
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.governance.statistics.breach import BreachTest
from paceline.governance.statistics.burn import Count, budget_left, days_to_exhaustion, severity
from paceline.ledger import Ledger
from paceline.ledger.figures import LimitRow
from paceline.ledger.incidents import Incident, IncidentEvent, LimitKey, WatchWriter

__all__ = ["ACTOR", "RANK", "SILENCE", "Happened", "Lately", "Look", "Minute", "allowed_share"]

SILENCE: Final = timedelta(minutes=30)
"""Without a request for this long an incident is frozen."""
RANK: Final = (Severity.TICKET, Severity.URGENT, Severity.PAGE)
ACTOR: Final = "paceline"
_WINDOW_S: Final = 28 * 86_400
_EXPLAIN_EVERY_US: Final = 600_000_000
"""An open incident is explained anew as often; strata are of ten minutes."""


class Happened(NamedTuple):
    """What a look did to an incident: opened, continued, worsened, mitigated, accepted, or closed."""

    incident: str
    what: str


@dataclass(frozen=True, slots=True)
class Minute:
    """The counts of one limit in one minute."""

    minute: int
    count: Count


def allowed_share(percentile: str) -> float | None:
    """Return the share of requests a limit lets be over it: 0.05 for `p95`; none for a mean."""
    digits = percentile.removeprefix("p")
    return 1.0 - int(digits) / 10 ** len(digits) if percentile != digits and digits.isdigit() else None


class Lately:
    """Counts of one limit over the time before now, read when they are asked for."""

    def __init__(self, ledger: Ledger, limit: LimitKey, until: int, rules: Rules) -> None:
        self._ledger, self._limit, self._until, self._rules = ledger, limit, until, rules
        self._rows: dict[int, list[LimitRow]] = {}

    def rows(self, seconds: int) -> list[LimitRow]:
        """Return the limit's rows of the last so many seconds."""
        if seconds not in self._rows:
            resolution = 1 if seconds <= 86_400 else 60
            only = {"service": self._limit.service, "use_case": self._limit.use_case}
            reading = self._ledger.reading(self._until - seconds, self._until, resolution=resolution, only=only)  # type: ignore[arg-type]
            same = (self._limit.metric, self._limit.percentile)
            found = reading.limits(("service", "use_case"))
            kept = [row for row in found if (row.metric, row.percentile) == same]
            names = (self._limit.service, self._limit.use_case)
            self._rows[seconds] = [row for row in kept if not self._rules.is_excluded(*names, row.minute)]
        return self._rows[seconds]

    def count(self, seconds: int) -> Count:
        """Return their sums."""
        rows = self.rows(seconds)
        return Count(sum(row.n for row in rows), sum(row.over for row in rows))

    def closing(self, span: timedelta, since_us: int) -> Closing:
        """Return what the closing rule looks at: nothing of before the incident."""
        seconds = int(span.total_seconds())
        rows = [row for row in self.rows(seconds) if row.n and row.minute * 60_000_000 >= since_us]
        recent = Count(sum(row.n for row in rows), sum(row.over for row in rows))
        if not rows:
            return Closing(recent, timedelta(0), timedelta(seconds=seconds))
        first, last = rows[0].minute, rows[-1].minute + rows[-1].minutes
        return Closing(recent, timedelta(minutes=last - first), timedelta(seconds=max(0, self._until - last * 60)))


@dataclass(slots=True)
class Look:
    """One limit that is over its budget, or has an open incident."""

    limit: LimitKey
    lately: Lately
    rules: Rules
    now_us: int
    until_us: int
    """End of the last settled minute."""
    new: list[Minute]
    incident: Incident | None
    """The open one, when it was read."""
    is_changed: bool = False
    """True when the limit has another value since the last look."""
    how_bad: Severity | None = None
    hour: Count = field(default_factory=lambda: Count(0, 0))
    closing: Closing | None = None
    window: Count = field(default_factory=lambda: Count(0, 0))
    since_us: int = 0
    explained: Explained = field(default_factory=Explained)
    accepted: Accepted | None = None

    @property
    def allowed(self) -> float:
        """Share of requests that may be over."""
        return allowed_share(self.limit.percentile) or 0.0

    def read(self, ledger: Ledger) -> None:
        """Read what judging needs, while nothing is locked."""
        self.how_bad = severity(self.lately.count, self.allowed)
        self.hour, self.window = self.lately.count(3600), self.lately.count(_WINDOW_S)
        self.accepted = self.rules.accepted(self.limit)
        if self.incident is not None:
            rule = rule_for(Severity(self.incident.severity))
            self.closing = self.lately.closing(rule.span, self.incident.since_us)
            self.since_us = self.incident.since_us
        else:
            self.since_us = onset(self.lately.rows(86_400), self.allowed) * 60_000_000
        if self.incident is None or self.until_us % _EXPLAIN_EVERY_US == 0:
            self.explained = explain(ledger, self.limit, self.since_us / 1e6, self.until_us / 1e6)
        elif self.incident is not None:
            known = Facts.loaded(self.incident.facts)
            self.explained = Explained(self.incident.provider, known.changed)

    def judge(self, change: WatchWriter, test: BreachTest | None) -> Happened | None:
        """Open, count, worsen, accept or close."""
        latest = change.latest(self.limit)
        if latest is None or not latest.is_open:
            return self._ended(change, latest, test)
        n, over = latest.n + sum(one.count.n for one in self.new), latest.over + sum(one.count.over for one in self.new)
        told = {"facts": self._facts().dumped(), "provider": self.explained.provider}
        change.change(latest.id, {"n": n, "over_limit": over, **told})
        if latest != self.incident:
            return None  # somebody acted on it meanwhile: it is judged at the next look
        if self.accepted is not None:
            return self._accept(change, latest.id, self.accepted)
        if self.rules.value(self.limit) is None:
            return self._close(change, latest, "the standards have this limit no longer", Reason.CONFIGURATION)
        if self.is_changed:
            text = f"the limit is {self.rules.value(self.limit)} now: what was counted before does not close it"
            change.change(latest.id, {"since_us": self.until_us}, self._event("fact", text))
            return None
        return self._worsened(change, latest) or self._closed(change, latest, Count(n, over))

    def _ended(self, change: WatchWriter, latest: Incident | None, test: BreachTest | None) -> Happened | None:
        if not self.new or test is None or not test.is_breach:
            return None
        if latest is not None and latest.state == IncidentState.ACCEPTED:
            if self.accepted is not None:  # still measured, and nobody is told
                counted = {"n": latest.n + sum(one.count.n for one in self.new)}
                counted["over_limit"] = latest.over + sum(one.count.over for one in self.new)
                change.change(latest.id, {**counted, "facts": self._facts().dumped()})
                return None
            if self.how_bad is None and self.hour.share <= self.allowed:
                return None  # the waiver is over, and so is the breach
        return self._begin(change, latest)

    def _begin(self, change: WatchWriter, latest: Incident | None) -> Happened:
        fact = f"{self.hour.share:.1%} of requests in the last hour over the limit of {limit_words(self.limit)}"
        how_bad = (self.how_bad or Severity.TICKET).value
        told = {"facts": self._facts().dumped(), "provider": self.explained.provider, "since_us": self.since_us}
        begun = {"state": IncidentState.DETECTED.value, "severity": how_bad, "told": "", **told}
        ended = timedelta(microseconds=self.now_us - latest.ended_us) if latest and latest.ended_us else None
        was_waived = latest is not None and latest.state == IncidentState.ACCEPTED
        if latest is not None and ended is not None and (continues(ended) or was_waived):
            # What was good in between does not count for its closing.
            why = "the waiver has ended, and it" if was_waived else "it"
            event = self._event("state", f"{why} continues: {fact}")
            change.change(latest.id, {**begun, "ended_us": None, "reason": "", "waiver": ""}, event)
            number, what = latest.id, "continued"
        else:
            new = Count(sum(one.count.n for one in self.new), sum(one.count.over for one in self.new))
            counted = {"n": new.n, "over_limit": new.over, "allowed": self.allowed, "detected_us": self.now_us}
            values = {**begun, **counted, "owner": self.rules.owner(self.limit.service)}
            number, what = change.open(values, self.limit, self._event("detected", fact)), "opened"
        for text in self.explained.changed:
            change.note(number, self._event("fact", text))
        return self._accept(change, number, self.accepted) if self.accepted else Happened(number, what)

    def _accept(self, change: WatchWriter, number: str, by: Accepted) -> Happened:
        text = f"accepted by waiver {by.waiver} until {by.until:%Y-%m-%d}; it is measured on, and tells nobody"
        ended = {"state": IncidentState.ACCEPTED.value, "ended_us": self.now_us, "waiver": by.waiver}
        change.change(number, ended, self._event("state", text))
        return Happened(number, "accepted")

    def _worsened(self, change: WatchWriter, latest: Incident) -> Happened | None:
        before = Severity(latest.severity)
        if self.how_bad is None or RANK.index(self.how_bad) <= RANK.index(before):
            return None
        text = f"{before.value} → {self.how_bad.value}"
        change.change(latest.id, {"severity": self.how_bad.value}, self._event("severity", text))
        return Happened(latest.id, "worsened")

    def _closed(self, change: WatchWriter, latest: Incident, counted: Count) -> Happened | None:
        rule, seen = rule_for(Severity(latest.severity)), self.closing
        if seen is None or verdict(seen, rule, self.allowed, silence=SILENCE) is not Verdict.OVER:
            return None
        text = f"{seen.recent.n} requests within budget, {seen.recent.share:.1%} over"
        # Of the whole window's error budget.
        used = counted.over / (self.allowed * max(self.window.n, counted.n, 1))
        if needs_note(used) and not change.has_note(latest.id):
            if latest.state == IncidentState.MITIGATED:
                return None
            mitigated = {"state": IncidentState.MITIGATED.value}
            change.change(latest.id, mitigated, self._event("state", f"mitigated: {text}; it closes with a note"))
            return Happened(latest.id, "mitigated")
        return self._close(change, latest, text, likely_reason(self.explained.changed))

    def _close(self, change: WatchWriter, latest: Incident, text: str, reason: Reason) -> Happened:
        named = latest.reason or reason.value
        guessed = "" if latest.reason or reason is Reason.UNKNOWN else f"; the likely reason: {reason.value}"
        values = {"state": IncidentState.RESOLVED.value, "ended_us": self.now_us, "reason": named}
        change.change(latest.id, values, self._event("state", f"resolved: {text}{guessed}"))
        return Happened(latest.id, "closed")

    def _facts(self) -> Facts:
        value = self.rules.value(self.limit)
        day = self.lately.count(86_400)
        return Facts(
            what=f"{limit_words(self.limit)} is over {value or 'its limit'}",
            share_over=self.hour.share if self.hour.n else None,
            budget_left=budget_left(self.window, self.allowed),
            days_left=days_to_exhaustion(self.window, day, self.allowed),
            changed=self.explained.changed,
            next_step=_next_step(self.explained),
        )

    def _event(self, kind: str, text: str) -> IncidentEvent:
        return IncidentEvent(self.now_us, ACTOR, kind, text)


def onset(rows: Sequence[LimitRow], allowed: float) -> int:
    """Return the minute since which the share over the limit is most likely higher; 0 for no rows.

    The start that maximises the likelihood ratio of twice the allowed odds against the allowed share.
    """
    raised = 2 * allowed / (1 + allowed)
    up, down = math.log(raised / allowed), math.log((1 - raised) / (1 - allowed))
    best, at, total = -math.inf, 0, 0.0
    for row in reversed(rows):
        total += row.over * up + (row.n - row.over) * down
        if row.over and total > best:
            best, at = total, row.minute
    return at or (rows[-1].minute if rows else 0)


def _next_step(explained: Explained) -> str:
    """Say the one thing to do, by what explains it most."""
    first = " ".join(explained.changed[:3])
    if "deployment" in first and "slower on the same work" in first:
        return "take the slow deployment out of the model's list, or put it last, until it is well"
    if any(text.startswith("deploy ") for text in explained.changed):
        return "see whether that deploy did it, and roll it back if so"
    parts = explained.parts
    if parts is not None and parts.total > 1.03:
        mix, _, own = parts.shares
        if mix > 0.5:
            return "look at what calls with longer prompts or answers, or give that work a use case of its own"
        if own > 0.5:
            return "look at what changed in the service or its deployment since then"
    return "nothing in the traffic explains it yet: look at the service and its provider around that time"
