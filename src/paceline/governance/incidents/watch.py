"""The watch: judges each limit on a percentile by what came since the last look; opens, moves and closes incidents.

Owns the order of these steps; the rules are `judging`, `statistics` and `closing`. It reads settled minutes only: a
minute is judged once, when late records have had time to arrive. Everything is read and computed first; the write lock
is held only for what follows. May run in several processes, of which one counts, and be killed at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from paceline.governance.incidents.judging import Happened, Lately, Look, Minute, allowed_share
from paceline.governance.incidents.rules import Rules
from paceline.governance.statistics.breach import BreachTest
from paceline.governance.statistics.burn import Count
from paceline.ledger import Ledger
from paceline.ledger.figures import LimitRow
from paceline.ledger.incidents import BREACH, LimitKey

__all__ = ["Happened", "watch"]

SETTLED_S: Final = 90
"""Age of a minute at which it is judged."""
_BACK_S: Final = 86_400
"""How far back a limit is judged that was never looked at."""


def watch(ledger: Ledger, now: float, rules: Rules) -> list[Happened]:
    """Judge every limit with settled traffic. `now`: Unix seconds. Raises `LedgerError`."""
    settled = int(now - SETTLED_S) // 60
    watched = ledger.incidents.watched()
    begin = max(watched.until_minute, settled - _BACK_S // 60)
    if begin >= settled:
        return []
    rows = ledger.reading(begin * 60, settled * 60, resolution=1).limits(("service", "use_case"))
    by_limit = _by_limit(rows, begin, settled, rules)
    tests = {limit: _observed(watched.tests.get(limit), limit, new, rules) for limit, new in by_limit.items()}
    incidents = {one.limit: one for one in ledger.incidents.list(kind=BREACH)}
    breached = {limit for limit, test in tests.items() if test.is_breach}
    looks = [
        Look(
            limit,
            Lately(ledger, limit, settled * 60, rules),
            rules,
            int(now * 1e6),
            settled * 60_000_000,
            by_limit.get(limit, []),
            incidents.get(limit),
            is_changed=_is_changed(watched.tests.get(limit), tests.get(limit)),
        )
        for limit in sorted(breached | incidents.keys())
    ]
    for look in looks:
        look.read(ledger)
    with ledger.incidents.changing() as change:
        current = change.watched()
        if current.until_minute != watched.until_minute:
            return []  # another process was faster
        for limit in by_limit:
            if current.tests.get(limit) != watched.tests.get(limit):  # an incident was ended meanwhile
                tests[limit] = _observed(current.tests.get(limit), limit, by_limit[limit], rules)
        happened = []
        for look in looks:
            what = look.judge(change, tests.get(look.limit))
            happened += [what] if what is not None else []
            if what is not None and what.what == "closed":
                tests[look.limit] = BreachTest(look.allowed, limit=rules.value(look.limit) or "")
        change.judged(settled, {limit: test.dumped() for limit, test in tests.items()})
    return happened


def _observed(state: str | None, limit: LimitKey, new: list[Minute], rules: Rules) -> BreachTest:
    test = BreachTest.loaded(state, allowed_share(limit.percentile) or 0.0)
    value = rules.value(limit) or ""
    if value != test.limit:
        test = replace(test.restarted() if test.limit else test, limit=value)
    for minute in new:
        test = test.observe(minute.minute // 60, minute.count.n, minute.count.over)
    return test


def _is_changed(state: str | None, test: BreachTest | None) -> bool:
    if state is None or test is None:
        return False
    before = BreachTest.loaded(state, test.allowed).limit
    return bool(before) and before != test.limit


def _by_limit(rows: Iterable[LimitRow], begin: int, settled: int, rules: Rules) -> dict[LimitKey, list[Minute]]:
    found: defaultdict[LimitKey, list[Minute]] = defaultdict(list)
    for row in rows:
        exact = row.minutes == 1 and begin <= row.minute < settled
        if not (row.service and row.use_case and exact) or allowed_share(row.percentile) is None:
            continue
        if not rules.is_excluded(row.service, row.use_case, row.minute):
            key = LimitKey(row.service, row.use_case, row.metric, row.percentile)
            found[key].append(Minute(row.minute, Count(row.n, row.over)))
    return found
