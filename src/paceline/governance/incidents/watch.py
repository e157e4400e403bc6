"""The watch: judges each limit on a percentile by what came since the last look; opens, moves and closes incidents.

Owns the order of these steps; the rules are `statistics` and `closing`. It reads settled minutes only: a minute is
judged once, when late records have had time to arrive. Everything is read and computed first; the write lock is held
only for what follows. May run in several processes, of which one counts, and be killed at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, NamedTuple

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.closing import Closing, Verdict, continues, needs_note, rule_for, verdict
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.governance.statistics.breach import BreachTest
from paceline.governance.statistics.burn import Count, severity
from paceline.ledger import Ledger
from paceline.ledger.figures import LimitRow
from paceline.ledger.incidents import Incident, IncidentEvent, LimitKey, WatchWriter

__all__ = ["SILENCE", "Happened", "allowed_share", "watch"]

SETTLED_S: Final = 90
"""Age of a minute at which it is judged."""
SILENCE: Final = timedelta(minutes=30)
"""Without a request for this long an incident is frozen."""
_BACK_S: Final = 86_400
"""How far back a limit is judged that was never looked at."""
_RANK: Final = [Severity.TICKET, Severity.URGENT, Severity.PAGE]
_ACTOR: Final = "paceline"


class Happened(NamedTuple):
    """What a look did to an incident: opened, continued, worsened, or closed."""

    incident: str
    what: str


@dataclass(frozen=True, slots=True)
class _Minute:
    minute: int
    count: Count


def allowed_share(percentile: str) -> float | None:
    """Return the share of requests a limit lets be over it: 0.05 for `p95`; none for a mean."""
    digits = percentile.removeprefix("p")
    return 1.0 - int(digits) / 10 ** len(digits) if percentile != digits and digits.isdigit() else None


def watch(ledger: Ledger, now: float, owner_of: Callable[[str], str]) -> list[Happened]:
    """Judge every limit with settled traffic. `now`: Unix seconds; `owner_of(service)`: its team, empty for none.

    Raises `LedgerError`.
    """
    settled = int(now - SETTLED_S) // 60
    watched = ledger.incidents.watched()
    begin = max(watched.until_minute, settled - _BACK_S // 60)
    if begin >= settled:
        return []
    rows = ledger.reading(begin * 60, settled * 60, resolution=1).limits(("service", "use_case"))
    by_limit = _by_limit(rows, begin, settled)
    tests = {limit: _observed(watched.tests.get(limit), limit, new) for limit, new in by_limit.items()}
    incidents = {one.limit: one for one in ledger.incidents.list()}
    breached = {limit for limit, test in tests.items() if test.is_breach}
    looks = [
        _Look(
            limit, _Lately(ledger, limit, settled * 60), int(now * 1e6), by_limit.get(limit, []), incidents.get(limit)
        )
        for limit in sorted(breached | incidents.keys())
    ]
    for look in looks:
        look.read()
    with ledger.incidents.changing() as change:
        current = change.watched()
        if current.until_minute != watched.until_minute:
            return []  # another process was faster
        for limit in by_limit:
            if current.tests.get(limit) != watched.tests.get(limit):  # an incident was ended meanwhile
                tests[limit] = _observed(current.tests.get(limit), limit, by_limit[limit])
        happened = []
        for look in looks:
            what = look.judge(change, tests.get(look.limit), owner_of(look.limit.service))
            happened += [what] if what is not None else []
            if what is not None and what.what == "closed":
                tests[look.limit] = BreachTest(look.allowed)
        change.judged(settled, {limit: test.dumped() for limit, test in tests.items()})
    return happened


def _observed(state: str | None, limit: LimitKey, new: list[_Minute]) -> BreachTest:
    test = BreachTest.loaded(state, allowed_share(limit.percentile) or 0.0)
    for minute in new:
        test = test.observe(minute.minute // 60, minute.count.n, minute.count.over)
    return test


def _by_limit(rows: Iterable[LimitRow], begin: int, settled: int) -> dict[LimitKey, list[_Minute]]:
    found: defaultdict[LimitKey, list[_Minute]] = defaultdict(list)
    for row in rows:
        exact = row.minutes == 1 and begin <= row.minute < settled
        if row.service and row.use_case and exact and allowed_share(row.percentile) is not None:
            key = LimitKey(row.service, row.use_case, row.metric, row.percentile)
            found[key].append(_Minute(row.minute, Count(row.n, row.over)))
    return found


class _Lately:
    """Counts of one limit over the time before now, read when they are asked for."""

    def __init__(self, ledger: Ledger, limit: LimitKey, until: int) -> None:
        self._ledger, self._limit, self._until = ledger, limit, until
        self._rows: dict[int, list[LimitRow]] = {}

    def rows(self, seconds: int) -> list[LimitRow]:
        """Return the limit's rows of the last so many seconds."""
        if seconds not in self._rows:
            resolution = 1 if seconds <= 86_400 else 60
            only = {"service": self._limit.service, "use_case": self._limit.use_case}
            reading = self._ledger.reading(self._until - seconds, self._until, resolution=resolution, only=only)  # type: ignore[arg-type]
            same = (self._limit.metric, self._limit.percentile)
            found = reading.limits(("service", "use_case"))
            self._rows[seconds] = [row for row in found if (row.metric, row.percentile) == same]
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
class _Look:
    """One limit that is over its budget, or has an open incident."""

    limit: LimitKey
    lately: _Lately
    now_us: int
    new: list[_Minute]
    incident: Incident | None
    """The open one, when it was read."""
    how_bad: Severity | None = None
    hour: Count = field(default_factory=lambda: Count(0, 0))
    closing: Closing | None = None
    window_n: int = 0

    @property
    def allowed(self) -> float:
        """Share of requests that may be over."""
        return allowed_share(self.limit.percentile) or 0.0

    def read(self) -> None:
        """Read what judging needs, while nothing is locked."""
        self.how_bad = severity(self.lately.count, self.allowed)
        self.hour = self.lately.count(3600)
        if self.incident is not None:
            rule = rule_for(Severity(self.incident.severity))
            self.closing = self.lately.closing(rule.span, self.incident.since_us)
            self.window_n = self.lately.count(28 * 86_400).n

    def judge(self, change: WatchWriter, test: BreachTest | None, owner: str) -> Happened | None:
        """Open, count, worsen or close."""
        latest = change.latest(self.limit)
        if latest is None or not latest.is_open:
            return self._begin(change, latest, owner) if self.new and test is not None and test.is_breach else None
        n, over = latest.n + sum(one.count.n for one in self.new), latest.over + sum(one.count.over for one in self.new)
        if self.new:
            change.change(latest.id, {"n": n, "over_limit": over})
        if latest != self.incident:
            return None  # somebody acted on it meanwhile: it is judged at the next look
        return self._worsened(change, latest) or self._closed(change, latest, Count(n, over))

    def _begin(self, change: WatchWriter, latest: Incident | None, owner: str) -> Happened:
        how_bad, new = self.how_bad or Severity.TICKET, self.new
        fact = f"{self.hour.share:.1%} of requests in the last hour over the limit of {limit_words(self.limit)}"
        since_us = next((one.minute for one in new if one.count.over), new[0].minute) * 60_000_000
        ended = timedelta(microseconds=self.now_us - latest.ended_us) if latest and latest.ended_us else None
        if latest is not None and ended is not None and continues(ended):
            # What was good in between does not count for its closing.
            back = {"state": IncidentState.DETECTED.value, "ended_us": None, "severity": how_bad.value, "reason": ""}
            event = self._event("state", f"continues: {fact}")
            change.change(latest.id, {**back, "since_us": since_us}, event)
            return Happened(latest.id, "continued")
        values = {
            "state": IncidentState.DETECTED.value,
            "severity": how_bad.value,
            "owner": owner,
            "since_us": since_us,
            "detected_us": self.now_us,
            "n": sum(one.count.n for one in new),
            "over_limit": sum(one.count.over for one in new),
            "allowed": self.allowed,
        }
        return Happened(change.open(values, self.limit, self._event("detected", fact)), "opened")

    def _worsened(self, change: WatchWriter, latest: Incident) -> Happened | None:
        before = Severity(latest.severity)
        if self.how_bad is None or _RANK.index(self.how_bad) <= _RANK.index(before):
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
        used = counted.over / (self.allowed * max(self.window_n, counted.n, 1))
        if needs_note(used):
            if latest.state == IncidentState.MITIGATED:
                return None
            mitigated = {"state": IncidentState.MITIGATED.value}
            change.change(latest.id, mitigated, self._event("state", f"mitigated: {text}; it closes with a note"))
            return Happened(latest.id, "mitigated")
        values: dict[str, str | int] = {
            "state": IncidentState.RESOLVED.value,
            "ended_us": self.now_us,
            "reason": latest.reason or Reason.UNKNOWN.value,
        }
        change.change(latest.id, values, self._event("state", f"resolved: {text}"))
        return Happened(latest.id, "closed")

    def _event(self, kind: str, text: str) -> IncidentEvent:
        return IncidentEvent(self.now_us, _ACTOR, kind, text)
