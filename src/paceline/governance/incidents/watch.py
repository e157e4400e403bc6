"""The watch: judges each published limit by what came since it looked last, and opens, moves and closes incidents.

Owns the order of these steps, one transaction a limit; the rules are `statistics` and `closing`. It reads settled
minutes only: a minute is judged once, when late records have had time to arrive. May run in several processes and be
killed at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents import limit_words
from paceline.governance.incidents.closing import Closing, Verdict, continues, needs_note, rule_for, verdict
from paceline.governance.incidents.states import IncidentState, Reason
from paceline.governance.statistics.breach import BreachTest
from paceline.governance.statistics.burn import Count, burn_rate, severity
from paceline.ledger import Ledger
from paceline.ledger.figures import LimitRow
from paceline.ledger.incidents import Incident, IncidentEvent, LimitKey, Watch, WatchWriter

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
    with ledger.incidents.changing() as change:
        watches = change.watches()
    begin = min((seen.until_minute for seen in watches.values()), default=0)
    begin = max(begin, settled - _BACK_S // 60)
    rows = ledger.reading(begin * 60, settled * 60, resolution=1).limits(("service", "use_case"))
    by_limit = _by_limit(rows, settled)
    open_limits = {one.limit for one in ledger.incidents.list()}
    happened: list[Happened] = []
    for limit in sorted({*by_limit, *open_limits}):
        allowed = allowed_share(limit.percentile)
        if allowed is None:
            continue
        lately = _Lately(ledger, limit, settled * 60)
        with ledger.incidents.changing() as change:
            seen = change.watches().get(limit)
            test = BreachTest.load(dict(seen.state)) if seen else BreachTest(allowed)
            since = seen.until_minute if seen else 0
            new = [minute for minute in by_limit.get(limit, ()) if minute.minute >= since]
            for minute in new:
                test = test.observe(minute.minute // 60, minute.count.n, minute.count.over)
            look = _Look(change, limit, allowed, int(now * 1e6), lately, owner_of(limit.service))
            test = look.judge(test, new, happened)
            change.save_watch(limit, Watch(max(since, settled), test.dump()))
    return happened


def _by_limit(rows: Iterable[LimitRow], settled: int) -> dict[LimitKey, list[_Minute]]:
    found: defaultdict[LimitKey, list[_Minute]] = defaultdict(list)
    for row in rows:
        if row.service and row.use_case and row.minutes == 1 and row.minute < settled:
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
            resolution = 1 if seconds <= 6 * 3600 else 60
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


@dataclass(frozen=True, slots=True)
class _Look:
    """One limit, looked at once."""

    change: WatchWriter
    limit: LimitKey
    allowed: float
    now_us: int
    lately: _Lately
    owner: str

    def judge(self, test: BreachTest, new: list[_Minute], happened: list[Happened]) -> BreachTest:
        """Open, worsen or close; returns the test to go on with."""
        latest = self.change.latest(self.limit)
        if latest is None or not latest.is_open:
            if new and test.is_breach:
                happened.append(self._begin(latest, new))
            return test
        self._count(latest, new)
        worse = self._worsened(latest)
        if worse is not None:
            happened.append(worse)
            return test
        closed = self._closed(latest)
        if closed is None:
            return test
        happened.append(closed)
        return test.restarted()

    def _begin(self, latest: Incident | None, new: list[_Minute]) -> Happened:
        how_bad = severity(self.lately.count, self.allowed) or Severity.TICKET
        hour = self.lately.count(3600)
        fact = f"{hour.share:.1%} of requests in the last hour over the limit of {limit_words(self.limit)}"
        since_us = next((one.minute for one in new if one.count.over), new[0].minute) * 60_000_000
        ended = timedelta(microseconds=self.now_us - latest.ended_us) if latest and latest.ended_us else None
        if latest is not None and ended is not None and continues(ended):
            # What was good in between does not count for its closing.
            back = {"state": IncidentState.DETECTED.value, "ended_us": None, "severity": how_bad.value, "reason": ""}
            event = self._event("state", f"continues: {fact}")
            self.change.change(latest.id, {**back, "since_us": since_us}, event)
            return Happened(latest.id, "continued")
        values = {
            "state": IncidentState.DETECTED.value,
            "severity": how_bad.value,
            "owner": self.owner,
            "since_us": since_us,
            "detected_us": self.now_us,
            "n": sum(one.count.n for one in new),
            "over_limit": sum(one.count.over for one in new),
            "allowed": self.allowed,
        }
        return Happened(self.change.open(values, self.limit, self._event("detected", fact)), "opened")

    def _count(self, latest: Incident, new: list[_Minute]) -> None:
        n, over = sum(one.count.n for one in new), sum(one.count.over for one in new)
        if n:
            self.change.change(latest.id, {"n": latest.n + n, "over_limit": latest.over + over})

    def _worsened(self, latest: Incident) -> Happened | None:
        how_bad = severity(self.lately.count, self.allowed)
        before = Severity(latest.severity)
        if how_bad is None or _RANK.index(how_bad) <= _RANK.index(before):
            return None
        text = f"{before.value} → {how_bad.value}"
        self.change.change(latest.id, {"severity": how_bad.value}, self._event("severity", text))
        return Happened(latest.id, "worsened")

    def _closed(self, latest: Incident) -> Happened | None:
        rule = rule_for(Severity(latest.severity))
        seen = self.lately.closing(rule.span, latest.since_us)
        if verdict(seen, rule, self.allowed, silence=SILENCE) is not Verdict.OVER:
            return None
        text = f"{seen.recent.n} requests within budget, {seen.recent.share:.1%} over"
        used = burn_rate(Count(latest.n, latest.over), self.allowed) * self._part_of_window(latest)
        if needs_note(used):
            if latest.state == IncidentState.MITIGATED:
                return None
            mitigated = {"state": IncidentState.MITIGATED.value}
            self.change.change(latest.id, mitigated, self._event("state", f"mitigated: {text}; it closes with a note"))
            return Happened(latest.id, "mitigated")
        values: dict[str, str | int] = {
            "state": IncidentState.RESOLVED.value,
            "ended_us": self.now_us,
            "reason": latest.reason or Reason.UNKNOWN.value,
        }
        self.change.change(latest.id, values, self._event("state", f"resolved: {text}"))
        return Happened(latest.id, "closed")

    def _part_of_window(self, latest: Incident) -> float:
        """Return the incident's requests as a part of the budget window's."""
        window = self.lately.count(28 * 86_400).n
        return min(1.0, latest.n / window) if window else 1.0

    def _event(self, kind: str, text: str) -> IncidentEvent:
        return IncidentEvent(self.now_us, _ACTOR, kind, text)
