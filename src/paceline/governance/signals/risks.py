"""Hidden risks: what goes well today and hides something. One kind each, per service and use case.

Reads, for all services together: counters and events of the last six hours, of the last day, and of the week before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.signals.shares import ENOUGH, ENOUGH_BEFORE, Share, judged, over, rose
from paceline.governance.signals.words import percent
from paceline.ledger import Ledger
from paceline.ledger.totals import Group
from paceline.standards import Standards
from paceline.standards.limits import Terms

__all__ = ["look"]

LATELY_S: Final = 6 * 3_600
"""Long enough that one bad hour of a provider is no habit."""
DAY_S: Final = 86_400
"""What creeps in is judged by whole days, since work differs by the hour."""
BEFORE_S: Final = 7 * 86_400
SETTLED_S: Final = 90

CUT_LINE: Final = 0.05
"""Of answers, cut by a cap of ours: on whatever was before. A learned cap is to cut fewer than 1 %."""
REPEATS: Final = 0.50
"""Of cacheable requests, answered from the exact cache, in classes where people and agents write the prompts."""
REPEATS_BEFORE: Final = 0.10
"""Only where that was rare before: a service may repeat itself on purpose, and has always done so."""
WRITTEN_BY_PEOPLE: Final = frozenset({"chat", "chat-interactive", "chat-large", "agent", "reasoning"})
"""Built-in classes whose prompts carry a conversation, and so seldom repeat."""
FALLBACK_LINE: Final = 0.05
"""Of answers, by another deployment than the preferred one: over it, the second choice has become normal."""
RETRIED_LINE: Final = 0.05
"""Of requests, sent again: over it, a provider is failing one call in twenty."""
HIDDEN_BELOW: Final = 0.01
"""Share of failures under which nobody else would notice that."""

_COUNTERS: Final = ("n", "n_ok", "n_refused", "n_caller_error", "n_cancelled", "n_off_standard", "cost_nanousd")


@dataclass(frozen=True, slots=True)
class _Span:
    """One subject's counts in one span of time."""

    n: int = 0
    n_ok: int = 0
    n_refused: int = 0
    n_caller_error: int = 0
    n_cancelled: int = 0
    n_off_standard: int = 0
    cost_nanousd: int = 0
    events: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def many(self, *events: str) -> int:
        """Add up how often these happened."""
        return sum(self.events.get(event, (0, 0))[0] for event in events)

    @property
    def n_failed(self) -> int:
        return self.n - self.n_ok - self.n_refused - self.n_caller_error - self.n_cancelled


@dataclass(frozen=True, slots=True)
class _Subject:
    service: str
    use_case: str
    terms: Terms | None
    """Of the use case; none where the standards do not know it."""
    lately: _Span
    day: _Span
    before: _Span
    """The week before the day."""

    def signal(self, kind: str, state: Measured, what: str, changed: tuple[str, ...] = (), step: str = "") -> Signal:
        is_on = state is Measured.ON
        words = (what, changed if is_on else (), step if is_on else "")
        return Signal(kind, self.service, state, Severity.TICKET, self.use_case, "", "", *words)


def look(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Judge every risk of every use case with traffic in the last day. Raises `LedgerError`."""
    until = int(now - SETTLED_S) // 60 * 60
    begin = until - DAY_S
    spans = [(until - LATELY_S, until), (begin, until), (begin - BEFORE_S, begin)]
    lately, day, before = (_read(ledger, *span) for span in spans)
    signals: list[Signal] = []
    for service, use_case in sorted(day):
        if service:
            names = service, use_case
            spans_of = (each.get(names, _Span()) for each in (lately, day, before))
            subject = _Subject(service, use_case, standards.use_cases.get(use_case), *spans_of)
            signals += [found for risk in _RISKS if (found := risk(subject)) is not None]
    return signals


def _read(ledger: Ledger, since: int, until: int) -> dict[Group, _Span]:
    events = ledger.totals.events(since, until)
    counters = ledger.totals.counters(since, until, _COUNTERS)
    return {
        names: _Span(**dict(zip(_COUNTERS, values, strict=True)), events=events.get(names, {}))
        for names, values in counters.items()
    }


def _truncation(subject: _Subject) -> Signal | None:
    now, before = (Share(span.many("cut_by_cap"), span.n_ok) for span in (subject.day, subject.before))
    if not now.n:
        return None
    what = (
        f"{percent(now.share)} of answers is cut short by our own cap in the last day, {percent(before.share)} before"
    )
    step = "raise max_output_tokens of the use case, or set it to `learned`: paceline report suggests a cap"
    return subject.signal("truncation", rose(now, before, line=CUT_LINE), what, step=step)


def _cache_repeat(subject: _Subject) -> Signal | None:
    if subject.terms is None or subject.terms.built_in not in WRITTEN_BY_PEOPLE:
        return None
    now, before = (_cached(span) for span in (subject.lately, subject.before))
    if not now.n:
        return None
    enough = now.n >= ENOUGH and before.n >= ENOUGH_BEFORE
    state = judged(now.exceeds(REPEATS) and before.share < REPEATS_BEFORE) if enough else Measured.UNKNOWN
    what = (
        f"{percent(now.share)} of cacheable calls is answered from the exact cache in the last 6 hours, "
        f"{percent(before.share)} in the week before, though prompts of class {subject.terms.built_in} seldom repeat"
    )
    changed = ("a test, a loop, or a prompt that has lost its variable part would look like this; so would a rush",)
    return subject.signal("cache_repeat", state, what, changed, "see whether callers still send what users wrote")


def _cached(span: _Span) -> Share:
    hits = span.many("cache_hit", "cache_shared")
    return Share(hits, hits + span.many("cache_miss", "cache_stale"))


def _fallback(subject: _Subject) -> Signal | None:
    now, before = (Share(span.many("fallback"), span.n_ok) for span in (subject.lately, subject.before))
    if not now.n:
        return None
    what = (
        f"{percent(now.share)} of answers is by another deployment than the preferred one in the last 6 hours, "
        f"{percent(before.share)} in the week before"
    )
    step = (
        "see what is wrong with the preferred deployment: paceline report --since 6h; or make the other one the first"
    )
    return subject.signal("fallback", over(now, FALLBACK_LINE), what, step=step)


def _retries(subject: _Subject) -> Signal | None:
    span = subject.lately
    now, failed = Share(span.many("retried"), span.n), Share(span.n_failed, span.n_ok + span.n_failed)
    if not now.n:
        return None
    state = over(now, RETRIED_LINE)
    if state is Measured.ON and failed.share >= HIDDEN_BELOW:
        state = Measured.OFF  # It is not hidden: errors tell of it.
    what = (
        f"{percent(now.share)} of requests is sent more than once in the last 6 hours, "
        f"while {percent(failed.share)} fail: retries hide a provider's trouble"
    )
    step = "ask the provider, or raise its quota, before retries no longer suffice"
    return subject.signal("retries", state, what, step=step)


def _hedges(subject: _Subject) -> Signal | None:
    hedge = subject.terms.hedge if subject.terms is not None else None
    span = subject.lately
    if hedge is None or not span.n:
        return None
    now = Share(span.many("hedged"), span.n)
    usd = span.events.get("hedged", (0, 0))[1]
    cost = usd / span.cost_nanousd if span.cost_nanousd else 0.0
    state = over(now, hedge.requests_share)
    dear = now.n >= ENOUGH and cost > hedge.cost_share
    what = (
        f"{percent(now.share)} of requests is hedged in the last 6 hours, {percent(hedge.requests_share)} allowed, "
        f"at {percent(cost)} of the cost, {percent(hedge.cost_share)} allowed"
    )
    step = "raise the hedge's floor, or find why first tokens are late so often"
    return subject.signal("hedges", Measured.ON if dear else state, what, step=step)


def _off_standard(subject: _Subject) -> Signal | None:
    now, before = (Share(span.n_off_standard, span.n) for span in (subject.day, subject.before))
    if not now.n:
        return None
    what = (
        f"{percent(now.share)} of requests is for models outside the standards in the last day, "
        f"{percent(before.share)} before"
    )
    step = "name the model in the use case's `models`, ask for a waiver, or ask the service's team to move"
    return subject.signal("off_standard", rose(now, before), what, step=step)


_RISKS: Final[tuple[Callable[[_Subject], Signal | None], ...]] = (
    *(_truncation, _cache_repeat, _fallback, _retries, _hedges, _off_standard),
)
