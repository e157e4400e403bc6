"""Looks for regressions: the last 24 hours of every use case beside the same weekdays of four weeks before.

Owns what is read, what counts as a service's peers, and the words; the test is `statistics.regression`. An alarm is a
signal. Where the p95 rose with the mix of work alone, an event says so, and nobody is woken. Cost and tokens are
compared within lengths: another model, a lost cache, a prompt that grew. Reads five days of hourly strata for all
services: 60,000 rows, 3 s of CPU for 300 services, every two hours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np

from paceline.governance.alerts.alert import Severity
from paceline.governance.incidents.explaining import facts_of, provider_of, slower_deployments
from paceline.governance.incidents.signal import Measured, Signal
from paceline.governance.statistics.onset import adjusted, onset
from paceline.governance.statistics.ratio import Pair, Ratio
from paceline.governance.statistics.reasons import reasons
from paceline.governance.statistics.regression import (
    WEEKS,
    Look,
    alarms,
    look_at,
    look_at_mean,
    paired,
    together,
)
from paceline.governance.statistics.split import Split, split
from paceline.governance.statistics.strata import Numbers, tallied
from paceline.governance.statistics.tally import Counts, Floats, Tally
from paceline.ledger import Ledger
from paceline.ledger.events import Event
from paceline.ledger.figures import Stratum
from paceline.ledger.looks import Looked, LookKey
from paceline.standards import Standards

__all__ = ["EVERY_S", "KIND", "look_for_regressions"]

EVERY_S: Final = 7_200
"""Looks are two hours apart: two running ones make an alarm."""
KIND: Final = "regression"

_HOUR: Final = 3_600
_DAY_H: Final = 24
_WEEK_H: Final = 168
_TIMES: Final = ("total_ms", "ttft_ms")
_MEANS: Final = ("cost", "input_tokens")
_MIX_NOTE: Final = 1.10
"""Rise of the p95 from which a mix is worth a note."""
_PEERS_MAX: Final = 5
"""Peers beside which a change is put into words."""
_WORDS: Final = {
    "total_ms": "total p95 of the same work",
    "ttft_ms": "ttft p95 of the same work",
    "cost": "cost of a request",
    "input_tokens": "input tokens of a request",
}
_NEXT: Final = {
    "cost": "look at which model and how long a prompt the calls ask for, and at the cache's hits",
    "input_tokens": "look at what was added to the prompt; what every call repeats goes first, where it is cached",
}
_NEXT_TIME: Final = "look at what changed in the service or its deployments at that hour"

Subject = tuple[str, str]
"""Service and use case."""


@dataclass(slots=True)
class _Rows:
    before: list[Stratum] = field(default_factory=list)
    now: list[Stratum] = field(default_factory=list)


def look_for_regressions(ledger: Ledger, standards: Standards, now: float) -> list[Signal]:
    """Look at every use case with traffic, if it is time; nothing otherwise. Raises `LedgerError`.

    Remembers its looks, and writes events where only the mix changed.
    """
    del standards
    previous = ledger.looks.all()
    if previous and now - max(found.at_us for found in previous.values()) / 1e6 < EVERY_S - 60:
        return []
    end = int(now // _HOUR)
    hours = np.arange(end - _DAY_H, end)
    rows = _read(ledger, hours)
    looked: dict[LookKey, Look] = {}
    for measure in _TIMES:
        looked |= _looks_at_times(rows, hours, measure)
    for measure in _MEANS:
        looked |= _looks_at_means(rows, hours, measure)
    signals = list(_signals(rows, hours, looked, previous))
    for note in _mix_notes(rows, signals, hours):
        ledger.events.add(note)
    at_us = int(now * 1e6)
    ledger.looks.put(
        {key: Looked(at_us, one.ratio.value, one.ratio.log_error, one.is_gone) for key, one in looked.items()}
    )
    return signals


def _read(ledger: Ledger, hours: Counts) -> dict[Subject, _Rows]:
    found: defaultdict[Subject, _Rows] = defaultdict(_Rows)
    for week in range(WEEKS, -1, -1):
        since = (int(hours[0]) - week * _WEEK_H) * _HOUR
        for row in ledger.reading(since, since + _DAY_H * _HOUR, resolution=60).strata():
            if row.service and row.use_case:
                sides = found[row.service, row.use_case]
                (sides.before if week else sides.now).append(row)
    return {subject: sides for subject, sides in sorted(found.items()) if sides.now}


def _looks_at_times(rows: Mapping[Subject, _Rows], hours: Counts, measure: str) -> dict[LookKey, Look]:
    pairs: dict[Subject, Pair] = {}
    for subject, sides in rows.items():
        numbers = Numbers()
        tally = tallied([*sides.before, *sides.now], numbers, measure)
        if len(tally.n):
            pairs[subject] = paired(tally, hours, len(numbers))
    providers = {subject: provider_of(rows[subject].now) for subject in pairs}
    found: dict[LookKey, Look] = {}
    for subject, pair in pairs.items():
        others = [
            pairs[other]
            for other, provider in providers.items()
            if provider == providers[subject] and other[0] != subject[0]
        ]
        found[LookKey(*subject, measure)] = look_at(pair, together(others), seed=len(found))
    return found


def _looks_at_means(rows: Mapping[Subject, _Rows], hours: Counts, measure: str) -> dict[LookKey, Look]:
    found: dict[LookKey, Look] = {}
    for subject, sides in rows.items():
        tally, value = _valued([*sides.before, *sides.now], measure)
        if len(tally.n):
            found[LookKey(*subject, measure)] = look_at_mean(tally, value, hours, seed=len(found))
    return found


def _valued(rows: Sequence[Stratum], measure: str) -> tuple[Tally, Floats]:
    """Sum money or tokens by hour and length: within a length, for that longer work came is the mix's affair."""
    if measure == "cost":
        found = [(row.minute // 60, _length(row), row.n_cost, row.cost_nanousd) for row in rows if row.n_cost]
    else:
        found = [(row.minute // 60, _length(row), row.n_tokens, row.tokens_input) for row in rows if row.n_tokens]
    table = np.array(found, dtype=np.int64).reshape(-1, 4)
    hour, length, n, value = (table[:, column].copy() for column in range(4))
    return Tally(hour, length, np.zeros_like(n), n), value.astype(np.float64)


def _length(row: Stratum) -> int:
    return row.input_bucket * 8 + row.output_bucket


def _signals(
    rows: Mapping[Subject, _Rows], hours: Counts, looked: Mapping[LookKey, Look], previous: Mapping[LookKey, Looked]
) -> Iterator[Signal]:
    for measure in (*_TIMES, *_MEANS):
        keys = [key for key in looked if key.measure == measure]
        alarmed = alarms([(_known(previous.get(key), looked[key]), looked[key]) for key in keys])
        for key, is_alarm in zip(keys, alarmed, strict=True):
            yield _signal(key, rows, hours, looked[key], is_alarm=is_alarm)


def _known(found: Looked | None, now: Look) -> Look | None:
    """Return the last look as one; none where it is too old to run on from."""
    return None if found is None else Look(Ratio(found.ratio, found.log_error), found.is_gone, now.limit, now.strong)


def _signal(key: LookKey, rows: Mapping[Subject, _Rows], hours: Counts, look: Look, *, is_alarm: bool) -> Signal:
    sides = rows[key.service, key.use_case]
    provider = provider_of(sides.now)
    if not is_alarm:
        is_well = np.isfinite(look.ratio.log_error) and (look.ratio.lower <= look.limit or look.is_gone)
        state = Measured.OFF if is_well else Measured.UNKNOWN
        return Signal(KIND, key.service, state, use_case=key.use_case, measure=key.measure, provider=provider)
    changed: tuple[str, ...] = reasons(facts_of(sides.before), facts_of(sides.now), _UNCHANGED)
    times = look.ratio.value
    if key.measure in _TIMES:
        parts = _parts(sides, key.measure, _peers(rows, key.service, provider))
        changed = (
            *slower_deployments(sides.before, sides.now, key.measure),
            *reasons(facts_of(sides.before), facts_of(sides.now), parts),
        )
        times = parts.own * parts.provider
    return Signal(
        KIND,
        key.service,
        Measured.ON,
        Severity.URGENT if look.ratio.lower > look.strong else Severity.TICKET,
        use_case=key.use_case,
        measure=key.measure,
        provider=provider,
        what=f"{_WORDS[key.measure]} is {_percent(times)} against the same weekdays before",
        changed=changed,
        next_step=_NEXT.get(key.measure, _NEXT_TIME),
        since_s=_since(sides, hours, key.measure),
    )


_UNCHANGED: Final = Split(1.0, 1.0, 1.0, 1.0)


def _parts(sides: _Rows, measure: str, peers: Sequence[_Rows] = ()) -> Split:
    pairs, strata = [], 0
    for each in (sides, *peers):
        numbers = Numbers()
        before, now = tallied(each.before, numbers, measure), tallied(each.now, numbers, measure)
        if len(before.n) and len(now.n):
            pairs.append((before, now))
            strata = max(strata, len(numbers))
        elif each is sides:
            return _UNCHANGED
    (own, *others) = pairs
    return split(*own, others, strata)


def _peers(rows: Mapping[Subject, _Rows], service: str, provider: str) -> list[_Rows]:
    """Return the largest of the other services on a provider."""
    found = [sides for (name, _), sides in rows.items() if name != service and provider_of(sides.now) == provider]
    return sorted(found, key=lambda sides: -sum(row.n for row in sides.now))[:_PEERS_MAX]


def _since(sides: _Rows, hours: Counts, measure: str) -> float:
    """Date the change: an hour of the day, its first where the change is older or none is found within it."""
    if measure in _TIMES:
        numbers = Numbers()
        tally = tallied([*sides.before, *sides.now], numbers, measure)
        pair = paired(tally, hours, len(numbers))
        earlier = adjusted(pair.before, None)
        point = onset(np.concatenate([earlier, adjusted(pair.now, None)]))
        if point is not None and point.after > point.before and point.at > len(earlier):
            return float(hours[point.at - len(earlier)]) * _HOUR
    return float(hours[0]) * _HOUR


def _mix_notes(rows: Mapping[Subject, _Rows], signals: Sequence[Signal], hours: Counts) -> Iterator[Event]:
    """Tell of use cases whose p95 rose by other work alone, once a day."""
    on = {(one.service, one.use_case) for one in signals if one.state is Measured.ON and one.measure in _TIMES}
    end = datetime.fromtimestamp((int(hours[-1]) + 1) * _HOUR, UTC)
    for (service, use_case), sides in rows.items():
        if (service, use_case) in on or min(sum(row.n for row in side) for side in (sides.before, sides.now)) < 100:
            continue
        parts = _parts(sides, "total_ms")
        if parts.total >= _MIX_NOTE and parts.mix >= 1 + (parts.total - 1) / 2:
            told = "; ".join(reasons(facts_of(sides.before), facts_of(sides.now), parts))
            same = f"mix:{service}:{use_case}:{end:%Y-%m-%d}"
            text = f"{use_case}: p95 of total is {_percent(parts.total)} by its mix: {told}"
            yield Event(int(end.timestamp() * 1e6), "mix", text, service, actor="paceline", same=same)


def _percent(times: float) -> str:
    return f"{times - 1:+.0%}"
